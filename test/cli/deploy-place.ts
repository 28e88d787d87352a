import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type CommandOptions, type CommandResult, Workplace } from "../support/command.ts";

const reports = `
import { dataform, fileDrop, loadFile, schedule, workflow } from "baton-dag";
export default workflow("reports", { on: [schedule("0 6 * * *", { timeZone: "Europe/Paris" })] })
  .task("fetch", () => ({ of: process.env.REGION_OF_SALES ?? "nowhere" }), {
    queue: process.env.REPORT_QUEUE ?? "slow",
  });
export const sales = workflow("sales", { on: [fileDrop("sales/*.csv")] })
  .task("load", loadFile({ table: "sales" }));
export const model = workflow("model").task("run", dataform({
  repository: "projects/my-project/locations/europe-west1/repositories/sales", gitCommitish: "main",
  serviceAccount: "dataform@my-project.iam.gserviceaccount.com",
}), { queue: "models" });
`;

/** What a foreign tool does, by a pattern of its command line; see `case` of the shell. */
type Behaviour = Readonly<Record<string, string>>;

/**
 * What `terraform show -json` says of a deployment with a database of these values, an index, two topics and some
 * grants.
 */
export function stateOf(database: object) {
  const resource = (type: string, name: string, values: object, mode = "managed") => ({
    ...{ address: `${type}.${name}`, mode, type, name, values },
  });
  const resources = [
    resource("google_project_service", "this", { service: "run.googleapis.com" }),
    resource("google_service_account", "function", {
      email: "baton-function@my-project.iam.gserviceaccount.com",
    }),
    resource("google_project_iam_member", "one", { role: "roles/datastore.user" }),
    resource("google_project_iam_member", "two", { role: "roles/bigquery.jobUser" }),
    resource("google_pubsub_topic", "control", { name: "baton-control" }),
    resource("google_pubsub_topic", "forgotten", { name: "baton-queue-forgotten" }),
    resource("google_firestore_database", "this", { name: "(default)", ...database }),
    resource("google_firestore_field", 'override["batches/*"]', {}),
    resource("google_project", "this", { number: "1" }, "data"),
  ];
  return {
    values: {
      root_module: {
        resources,
        child_modules: [
          { resources: [resource("google_storage_bucket", "module.a", { name: "my-project-baton" })] },
        ],
      },
    },
  };
}

/** What `gcloud run services list` says of a function with these variables; null: one from Secret Manager. */
export function servingFunction(variables: Readonly<Record<string, string | null>> = {}): Behaviour {
  const env = Object.entries(variables).map(([name, value]) =>
    value === null ? { name, valueFrom: { secretKeyRef: { key: "latest", name: "s" } } } : { name, value },
  );
  const traffic = [
    { revisionName: "baton-00006-old", tag: "old" },
    { revisionName: "baton-00007-abc", percent: 100 },
  ];
  const service = { spec: { template: { spec: { containers: [{ env }] } } }, status: { traffic } };
  return { "run services list *json*": `echo '${JSON.stringify([service])}'` };
}

const pushAccount = "serviceAccount:baton-push@my-project.iam.gserviceaccount.com";
const policy = { bindings: [{ role: "roles/run.invoker", members: [pushAccount] }] };

/** The account that pushes may call the function. */
export const granted: Behaviour = {
  "run services get-iam-policy *": `echo '${JSON.stringify(policy)}'`,
};

const usual = {
  gcloud: {
    "--version": "echo 'Google Cloud SDK 528.0.0'",
    "projects describe *": "echo 123456789012",
    "secrets versions add *": '/bin/cat > "$PLACE/secret-$4"',
    "services list --enabled *": "echo run.googleapis.com",
    "run services list *json*": "echo '[]'",
    "run services get-iam-policy *": "echo '{}'",
  },
  terraform: {
    "--version": "echo 'Terraform v1.9.8'",
    "*show -json baton.*.tfplan": "echo '{}'",
    "*show -json": `echo '${JSON.stringify(stateOf({ delete_protection_state: "DELETE_PROTECTION_ENABLED" }))}'`,
    "*output*":
      'echo "{\\"BATON_LEASE\\":\\"700s\\",\\"BATON_PROJECT\\":\\"my-project\\",' +
      `\\"BATON_PREFIX\\":\\"\${TF_WORKSPACE#my-project_}\\",` +
      '\\"BATON_CALLBACK_SECRET\\":\\"not from here\\"}"',
  },
  node: { "*": "true" },
} as const;

export interface DeployPlaceOptions {
  readonly gcloud?: Behaviour;
  readonly terraform?: Behaviour;
  /** Programs on the path. */
  readonly programs?: readonly (keyof typeof usual | "tofu")[];
  readonly files?: Readonly<Record<string, string>>;
  /** Whether the workflows are really packed, which takes long. Default: the command for it is only recorded. */
  readonly packs?: boolean;
}

/**
 * A project, far from this one, where gcloud and terraform only record how they are called, and behave as
 * given.
 */
export class DeployPlace {
  readonly #place = new Workplace({});

  constructor({ gcloud, terraform, programs, packs = false, files = {} }: DeployPlaceOptions = {}) {
    // The first matching pattern wins.
    const infrastructure = { ...terraform, ...usual.terraform, ...terraform };
    const behaviours = {
      gcloud: { ...gcloud, ...usual.gcloud, ...gcloud },
      terraform: infrastructure,
      tofu: infrastructure,
      node: packs ? { "*": `exec '${process.execPath}' "$@"` } : usual.node,
    };
    mkdirSync(this.path("bin"));
    for (const name of programs ?? (["gcloud", "terraform", "node"] as const))
      this.#program(name, behaviours[name]);
    for (const [name, text] of Object.entries({ ...projectFiles, ...files })) this.#place.write(name, text);
  }

  path(name: string): string {
    return this.#place.path(name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  deploy(parameters: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#place.baton(["deploy", ...parameters], {
      ...options,
      environment: {
        PATH: this.path("bin"),
        PLACE: this.#place.folder,
        // No credentials are found.
        METADATA_SERVER_DETECTION: "none",
        HOME: "/nowhere",
        CLOUDSDK_CONFIG: "/nowhere",
        BATON_LEASE: "",
        BATON_WORKFLOWS: "",
        BATON_PROJECT: "my-project",
        BATON_LOCATION: "europe-west1",
        BATON_DEPLOY_ALERT_EMAILS: "team@example.com",
        ...options.environment,
      },
    });
  }

  /** How programs were called, in order, but for their versions. */
  get calls(): readonly (readonly string[])[] {
    if (!existsSync(this.path("calls"))) return [];
    const lines = this.read("calls").split("\n").slice(0, -1);
    return lines.map((line) => line.split("\u001f")).filter(([, first]) => first !== "--version");
  }

  /** The first words of each call. */
  get callNames(): readonly string[] {
    return this.calls.map((call) => wordsOf(call).join(" "));
  }

  /** What a program found in its environment when it was called last. */
  environmentOf(name: string): Readonly<Record<string, string>> {
    const lines = this.read(`environment-of-${name}`).split("\0").slice(0, -1);
    return Object.fromEntries(lines.map((line) => [line.split("=")[0] ?? "", line.replace(/^[^=]*=/, "")]));
  }

  /** The workspaces that Terraform got by its environment: call and workspace. */
  get workspaces(): readonly string[] {
    return this.read("workspaces").split("\n").slice(0, -1);
  }

  #program(name: string, behaviour: Behaviour): void {
    const cases = Object.entries(behaviour).map(([pattern, shell]) => `${escaped(pattern)}) ${shell} ;;`);
    const path = this.path(`bin/${name}`);
    writeFileSync(
      path,
      `#!/bin/sh
# One write: tools that run at the same time must not mix their lines.
call='${name}'; unit='\u001f'; for word in "$@"; do call="$call$unit$word"; done
printf '%s\\n' "$call" >> "$PLACE/calls"
/usr/bin/env -0 > "$PLACE/environment-of-${name}"
case '${name} '"$1" in
  'terraform -'chdir*|'tofu -'chdir*) echo "$2 \${TF_WORKSPACE-none}" >> "$PLACE/workspaces" ;;
esac
case "$*" in
${cases.join("\n")}
esac
`,
    );
    chmodSync(path, 0o755);
  }
}

const framework = "node_modules/@google-cloud/functions-framework";

/** A project with a workflow file, as npm has installed it. */
const projectFiles = {
  "workflows/reports.ts": reports,
  "package.json": `{"name":"sales","type":"module","dependencies":{"baton-dag":"0.2.0"}}`,
  "package-lock.json": JSON.stringify({
    lockfileVersion: 3,
    packages: {
      "node_modules/baton-dag": { version: "0.2.0", dependencies: { [framework.slice(13)]: "5.0.5" } },
      [framework]: { version: "5.0.5" },
    },
  }),
  "infra/backend.tf": `terraform {\n  backend "gcs" {}\n}\n`,
};

/** Blanks are blanks; stars stay stars. */
function escaped(pattern: string): string {
  return pattern.replaceAll(" ", "\\ ");
}

function wordsOf(call: readonly string[]): string[] {
  const words = call.filter((word) => !word.startsWith("-"));
  return words.slice(0, words[0] === "gcloud" ? 4 : 3);
}
