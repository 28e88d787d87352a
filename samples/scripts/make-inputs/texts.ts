import type { PdfText } from "./pdf.ts";

export const handbook: PdfText = {
  title: "Warehouse handbook",
  sections: [
    {
      heading: "1. Receiving goods",
      paragraphs: [
        "Every delivery is counted before the driver leaves. The number of pallets on the delivery note must equal the number on the dock. If one is missing, write the difference on both copies of the note and let the driver sign it.",
        "Green coffee is weighed on the floor scale in bay three. A bag may weigh between 59 and 61 kilograms. Bags outside of that range are put aside with a yellow label, and the quality desk decides on the same day.",
        "Fragile goods, such as grinders and glass carafes, go to the upper shelves of aisle seven. Nothing heavier than 15 kilograms is stored above the height of the shoulder.",
      ],
    },
    {
      heading: "2. Storing and moving",
      paragraphs: [
        "The oldest lot leaves first. Each shelf carries a card with the date on which its lot arrived; who takes the last box removes the card and hangs it at the board near the office.",
        "Tea is kept away from coffee, since it takes on smells within a few hours. The tea room has a temperature of 18 degrees and a humidity of at most 60 per cent. The display at its door shows both; call maintenance when either is out of range for longer than one hour.",
        "Fork lifts have the right of way on the marked lanes. Outside of these lanes people on foot have it. Drivers sound the horn at every crossing.",
      ],
    },
    {
      heading: "3. Sending orders",
      paragraphs: [
        "An order is packed by one person and checked by another. The second person signs the packing list. Orders that were paid before noon leave on the same day, except on Saturdays.",
        "Parcels to Zürich and Geneva need a customs form in three copies. The form names the goods, their value without tax and the country of origin. A parcel without the form comes back after about ten days.",
        "What comes back is opened within two working days. Unused goods return to their shelf; everything else goes to the repair bench with a red label that tells what is wrong.",
      ],
    },
  ],
};

export const searchPdfs: readonly (PdfText & { readonly file: string })[] = [
  {
    file: "returns.pdf",
    title: "Returns and refunds",
    sections: [
      {
        heading: "Returns and refunds",
        paragraphs: [
          "Goods can be sent back within 30 days. The refund is paid within five working days after the parcel has arrived, in the same way as the order was paid.",
          "Opened bags of coffee can not be taken back, unless their valve is broken. Send a photo of the valve instead of the bag.",
        ],
      },
    ],
  },
  {
    file: "grinder-manual.pdf",
    title: "Hand grinder, manual",
    sections: [
      {
        heading: "Setting the grind",
        paragraphs: [
          "Turn the ring clockwise for a finer grind. Espresso needs 8 to 12 clicks from zero, a moka pot 14 to 18, filter coffee 22 to 26.",
          "Never turn the ring past zero while beans are in the burrs: the steel burrs touch and lose their edge.",
        ],
      },
      {
        heading: "Cleaning",
        paragraphs: [
          "Brush the burrs once a week. Do not use water. A spoon of dry rice, ground coarsely, takes old oil away.",
        ],
      },
    ],
  },
];

/** Pictures of text, for OCR. */
export const pictures: readonly { readonly file: string; readonly lines: readonly string[] }[] = [
  {
    file: "documents/scan.png",
    lines: [
      "Delivery note 4711 of 12 March 2026",
      "Two crates of green coffee beans, 60 kg each,",
      "and 35 boxes of paper filters were received",
      "by the north warehouse in good order.",
      "Signed: Marta Lindqvist",
    ],
  },
  {
    file: "search/warranty-card.png",
    lines: [
      "Warranty card",
      "This moka pot is guaranteed for five years.",
      "The rubber seal is a wearing part",
      "and is not covered.",
    ],
  },
  {
    file: "search/shelf-label.png",
    lines: ["Darjeeling first flush", "Store dry, below 18 degrees", "Best before June 2027"],
  },
];
