/** The secrets that tasks may name, by `{{ secrets.NAME }}`. */
export interface Secrets {
  /**
   * The value of one. Throws the BatonErrors `SECRET_NOT_CONFIGURED`, when the operator has given none of that name,
   * and
   * `SECRET_UNAVAILABLE`, when its service does not answer with it. Neither error holds anything of a secret.
   */
  read(name: string): Promise<string>;
}
