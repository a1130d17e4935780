/** A message that an app has accepted, that is, reported as stored. */
export interface NotedMessage {
  readonly id: string;
  readonly room: string;
  readonly device: string;
  readonly student: string;
  /** All texts that devices gave to the message, in the order of each device. */
  readonly texts: NotedText[];
  /** Whether somebody has removed the message. */
  mayBeRemoved: boolean;
  /** Whether it may have been deleted together with all data of the student on this device. */
  mayBeDiscarded: boolean;
}

/** A text that a device gave to a message. */
export interface NotedText {
  readonly device: string;
  readonly text: string;
  /** Whether the app has reported it as stored. */
  isDone: boolean;
}

/** An edit of a student's document that an app was asked to make. */
export interface NotedEdit {
  readonly device: string;
  readonly student: string;
  /** `favourite <id>` or `setting <key>`. */
  readonly key: string;
  /** The value after the edit, as JSON. `undefined` if only the app knows it, and the app has ended. */
  value: string | undefined;
  /** The value before the edit, as JSON. */
  readonly seen: string;
  /** Whether the app has reported it as stored. */
  isDone: boolean;
  /** Whether it may have been deleted together with all data of the student on this device. */
  mayBeUndone: boolean;
  /** Whether it may have been applied again after edits of other devices: it waited while the student was signed out. */
  mayBeMadeAgain: boolean;
}
