/**
 * A connection to IndexedDB for idb-keyval. Owns opening, and opening again where the browser has closed it: Safari does
 * so by itself, and whoever clears the site's data does. Knows nothing about what is stored.
 */
const storeName = "records";

interface Connection {
  readonly database: IDBDatabase;
  isClosed: boolean;
}

export class DurableStore {
  readonly #databaseName: string;
  #opening: Promise<Connection> | undefined;

  constructor(databaseName: string) {
    this.#databaseName = databaseName;
  }

  /** Runs one transaction, and a second time where the first failed with its connection. */
  readonly use = async <T>(
    mode: IDBTransactionMode,
    run: (store: IDBObjectStore) => T | PromiseLike<T>,
  ): Promise<T> => {
    const connection = await this.#open();
    try {
      return await run(begin(connection, mode));
    } catch (error) {
      if (!isOfConnection(error)) throw error;
      connection.database.close();
      this.#forget(connection);
      return run(begin(await this.#open(), mode));
    }
  };

  close(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.then(
      ({ database }) => database.close(),
      () => {},
    );
  }

  #open(): Promise<Connection> {
    this.#opening ??= opened(this.#databaseName, (connection) => this.#forget(connection)).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  #forget(connection: Connection): void {
    if (connection.isClosed) return;
    connection.isClosed = true;
    this.#opening = undefined;
  }
}

/** "strict": done means that it is on the disk, where the default leaves that to the operating system. */
function begin({ database }: Connection, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(storeName, mode, { durability: "strict" }).objectStore(storeName);
}

/**
 * A transaction could not be begun, or the browser cut it off: nobody here aborts one. Safari's lost server is an
 * UnknownError. A full disk is a QuotaExceededError, and trying again would not help.
 */
function isOfConnection(error: unknown): boolean {
  if (error === null) return true;
  return error instanceof DOMException && ["InvalidStateError", "AbortError", "UnknownError"].includes(error.name);
}

function opened(databaseName: string, onClosed: (connection: Connection) => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(storeName));
    request.addEventListener("error", () => reject(request.error));
    request.addEventListener("success", () => {
      const connection: Connection = { database: request.result, isClosed: false };
      request.result.addEventListener("close", () => onClosed(connection));
      // Somebody clears what is stored here, and waits for us.
      request.result.addEventListener("versionchange", () => {
        request.result.close();
        onClosed(connection);
      });
      resolve(connection);
    });
  });
}
