import { toUnavailable } from "./adapter.ts";
import { StorageError } from "./storage.ts";
import { within } from "./within.ts";

/** The name of the object store that holds a store's records. */
export const RECORDS = "records";

/** A connection to one database, which is opened again when the browser has closed it. */
export interface Connection {
  /** Runs a transaction. Opens the connection again, and repeats the transaction once, if the connection was lost. */
  run<T>(mode: "readonly" | "readwrite", use: (transaction: IDBTransaction) => Promise<T>): Promise<T>;
  close(): void;
}

/** How long the browser may take to open a database. It waits silently while another tab deletes or upgrades it. */
const OPEN_MS = 30_000;
/** How long a transaction may take. Some browsers never finish one after the page was in the background. */
const TRANSACTION_MS = 30_000;
/** How long a transaction may take after another one was not finished in time. */
const STUCK_MS = 2_000;
/** How often, and how many milliseconds apart, to look whether a database is still there. */
const LOOKS = 20;
const LOOK_AGAIN_MS = 250;
const VERSION = 1;

interface ConnectionOptions {
  readonly factory: IDBFactory;
  readonly database: string;
  /** Called once when something deletes the database. */
  readonly onDeleted: () => void;
}

/** Opens a database, and creates it if it does not exist. */
export const openConnection = async ({
  factory,
  database,
  onDeleted,
}: ConnectionOptions): Promise<Connection> => {
  const link = createLink({ factory, database, onDeleted });
  let running: IDBTransaction | undefined;
  let patienceMs = TRANSACTION_MS;

  const giveUp = (): never => {
    patienceMs = STUCK_MS;
    try {
      // A write that has failed for its caller must not take effect later.
      running?.abort();
    } catch {
      // It is being committed, or has just ended.
    }
    link.disconnect();
    throw new StorageError("failed", "The browser did not finish a transaction in time");
  };

  const attempt: Connection["run"] = async (mode, use) => {
    const connection = await link.current();
    running = beginTransaction(connection, mode);
    const result = await within(use(running), patienceMs, giveUp);
    patienceMs = TRANSACTION_MS;
    return result;
  };

  await link
    .create()
    .catch((error: unknown) => {
      if (!isLost(error)) throw error;
      return link.create();
    })
    // Firefox refuses private windows with an InvalidStateError, and a broken profile with an UnknownError.
    .catch((error: unknown) => {
      throw isLost(error) ? toUnavailable(error) : error;
    });
  return {
    // Safari ends connections under an app that was in the background ("Connection to Indexed Database server lost").
    // Retrying is safe: a write states the new values, and later writes wait for it.
    run: async (mode, use) => {
      try {
        return await attempt(mode, use);
      } catch (error) {
        if (!link.hasEnded() && !isLost(error)) throw error;
      }
      link.disconnect();
      return attempt(mode, use);
    },
    close: link.end,
  };
};

/** The current connection to a database, until the database is deleted or upgraded. */
interface Link {
  /** Connects, and creates the database if it does not exist. */
  create(): Promise<IDBDatabase>;
  /** Connects if there is no connection. Throws `StorageError` ("closed") if the database is gone. */
  current(): Promise<IDBDatabase>;
  disconnect(): void;
  /** Disconnects for good. */
  end(): void;
  hasEnded(): boolean;
}

const createLink = ({ factory, database, onDeleted }: ConnectionOptions): Link => {
  let connecting: Promise<IDBDatabase> | undefined;
  let ended: StorageError | undefined;

  const markDeleted = (): StorageError => {
    if (ended) return ended;
    ended = new StorageError("closed", "The store was deleted");
    onDeleted();
    return ended;
  };
  const connect = async (mayCreate: boolean): Promise<IDBDatabase> => {
    const opened = await openDatabase({ factory, database, mayCreate });
    if (!opened) throw markDeleted();
    // Another tab deletes the store, or a newer version of the app upgrades it. Both wait until this connection is
    // closed.
    opened.onversionchange = ({ newVersion }) => {
      opened.close();
      if (newVersion === null) markDeleted();
      else ended ??= createNewerError();
    };
    return opened;
  };
  const remember = (opening: Promise<IDBDatabase>): Promise<IDBDatabase> => {
    connecting = opening;
    opening.then(
      (opened) => {
        // The browser closes connections when somebody clears the site's data, but also for want of memory: look which.
        opened.addEventListener("close", () => {
          if (connecting === opening) connecting = undefined;
          look(LOOKS);
        });
      },
      () => {
        if (connecting === opening) connecting = undefined;
      },
    );
    return opening;
  };
  const current = async (): Promise<IDBDatabase> => {
    if (ended) throw ended;
    return connecting ?? remember(connect(false));
  };
  /** Connects, and so finds out whether the database is there. The browser also aborts what begins while it deletes. */
  const look = (attempts: number): void => {
    if (ended) return;
    current().catch((error: unknown) => {
      if (isLost(error) && attempts > 1) setTimeout(look, LOOK_AGAIN_MS, attempts - 1);
    });
  };
  const disconnect = (): void => {
    connecting?.then(
      (opened) => opened.close(),
      () => {},
    );
    connecting = undefined;
  };

  return {
    create: () => remember(connect(true)),
    current,
    disconnect,
    end: () => {
      ended ??= new StorageError("closed", "The store was closed");
      disconnect();
    },
    hasEnded: () => ended !== undefined,
  };
};

/** Begins a transaction on a store's records. A write resolves when it is on the disk. */
export const beginTransaction = (connection: IDBDatabase, mode: "readonly" | "readwrite"): IDBTransaction =>
  mode === "readonly"
    ? connection.transaction(RECORDS, mode)
    : connection.transaction(RECORDS, mode, { durability: "strict" });

/** Opens a database. Resolves with `undefined` if it does not exist and may not be created. */
export const openDatabase = async (location: {
  readonly factory: IDBFactory;
  readonly database: string;
  readonly mayCreate: boolean;
}): Promise<IDBDatabase | undefined> => {
  const opening = requestDatabase(location);
  return within(opening, OPEN_MS, () => {
    opening.then(
      (connection) => connection?.close(),
      () => {},
    );
    throw new StorageError("failed", "Another tab keeps the browser from opening the store: close it");
  });
};

const requestDatabase = ({
  factory,
  database,
  mayCreate,
}: {
  readonly factory: IDBFactory;
  readonly database: string;
  readonly mayCreate: boolean;
}): Promise<IDBDatabase | undefined> =>
  new Promise((resolve, reject) => {
    const request = factory.open(database, VERSION);
    request.onupgradeneeded = () => {
      if (mayCreate) request.result.createObjectStore(RECORDS);
      else {
        resolve(undefined);
        request.transaction?.abort();
      }
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Returns the error for a database that a newer version of the app has upgraded. */
export const createNewerError = (cause?: unknown): StorageError =>
  new StorageError("newer", "A newer version of the app has upgraded the store", { cause });

/** Returns the name of a browser's error. */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const isLost = (error: unknown): boolean =>
  ["InvalidStateError", "AbortError", "UnknownError"].includes(nameOf(error));
