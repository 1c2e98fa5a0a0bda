/** The package's version, written in by the build. */
declare const __VERSION__: string;
/** The SHA-256 of the built-in model's manifest. */
declare const __MINI__: string;
/** What of the built-in model's card of abilities the page needs before the model is there. */
declare const __CARD__: {
  readonly sizes: readonly (readonly [number, number])[];
  readonly default_steps: number;
  readonly default_guidance: number;
};
