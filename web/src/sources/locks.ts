/** Tabs of one site share its files: who fetches, and who uses them. Without the Web Locks API each goes its own way. */

/** Milliseconds that an engine which was just thrown away gets to let go. */
const LETTING_GO = 2000;

const fetching = (key: string): string => `atelier-fetch ${key}`;
const using = (key: string): string => `atelier-use ${key}`;

/** Does `work` when no other tab fetches the same model. */
export async function whileFetching<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (!hasLocks()) return work();
  return navigator.locks.request(fetching(key), { signal }, work);
}

/** Keeps others from removing a model; until the worker ends. */
export async function use(key: string): Promise<void> {
  if (!hasLocks()) return;
  await new Promise<void>((resolve, reject) => {
    const forever = async (): Promise<never> => {
      resolve();
      return new Promise<never>(() => {});
    };
    navigator.locks.request(using(key), { mode: "shared" }, forever).catch(reject);
  });
}

/** Whether anyone else uses a model that this worker uses. */
export async function isInUse(key: string): Promise<boolean> {
  if (!hasLocks()) return false;
  const { held = [] } = await navigator.locks.query();
  return held.filter((lock) => lock.name === using(key)).length > 1;
}

/** Does `work` if nobody uses the model; otherwise, false. */
export async function whileUnused(key: string, work: () => Promise<void>): Promise<boolean> {
  if (!hasLocks()) {
    await work();
    return true;
  }
  const signal = AbortSignal.timeout(LETTING_GO);
  try {
    await navigator.locks.request(using(key), { signal }, work);
    return true;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return false;
    throw error;
  }
}

function hasLocks(): boolean {
  return typeof navigator !== "undefined" && "locks" in navigator;
}
