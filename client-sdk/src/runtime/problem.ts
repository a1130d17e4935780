/** A problem in the background that the SDK has handled. It is reported for the logs. */
export interface Problem {
  readonly kind:
    /** A record of the store was damaged, and was set aside under `damaged/`. */
    | "record-damaged"
    /** A session or its key can no longer be read: the student has to sign in again. */
    | "session-lost"
    /** Something, such as the browser, has deleted the data under the app. The student is signed out. */
    | "storage-lost"
    /** Something from the server could not be stored on the device. It is fetched again next time. */
    | "not-kept"
    /**
     * A room's copy was not written by the server, or the server was restored to an earlier state. The room was
     * fetched again.
     */
    | "room-rebuilt"
    /**
     * The server refused the user document. The copy was set aside, the document fetched again, and the student's
     * edits were applied again.
     */
    | "document-rebuilt"
    /** A bug of the SDK or of a listener. */
    | "fault";
  readonly message: string;
  readonly cause?: unknown;
}
