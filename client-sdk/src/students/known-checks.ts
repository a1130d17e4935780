import {
  applicationEditCheck,
  contactCheck,
  newApplicationCheck,
  newCommentCheck,
  newDocumentCheck,
  newPostCheck,
  postChangeCheck,
  profileChangeCheck,
  reportCheck,
  uploadedDocumentCheck,
  withdrawalCheck,
} from "@edvoyage/protocol";
import type { CommandChecks } from "../runtime/valid-input.ts";

/** The server's rules for the inputs of commands. Load this module with `inputChecks`: it is too large to be in every app's start. */
export const knownChecks: CommandChecks = {
  "applications.addDocument": newDocumentCheck,
  "applications.create": newApplicationCheck,
  "applications.update": applicationEditCheck,
  "applications.uploadDocument": uploadedDocumentCheck,
  "applications.withdraw": withdrawalCheck,
  "contacts.add": contactCheck,
  "contacts.update": contactCheck,
  "profile.update": profileChangeCheck,
  "social.comment": newCommentCheck,
  "social.editPost": postChangeCheck,
  "social.post": newPostCheck,
  "social.report": reportCheck,
};
