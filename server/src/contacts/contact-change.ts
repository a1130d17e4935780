import type { ContactId } from "@edvoyage/protocol";

/** A change of a contact. Absent fields stay as they are. */
export interface ContactChange {
  /** The id of an entry or of a student. */
  readonly userId: ContactId;
  /** `null` removes it. */
  readonly nickname?: string | null | undefined;
  readonly favourite?: boolean | undefined;
  readonly blocked?: boolean | undefined;
}
