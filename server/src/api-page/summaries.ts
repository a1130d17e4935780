/** One line for each procedure: what it does. The generator fails for a procedure without a line, and for a line without a procedure. */
export const summaries: Readonly<Record<string, string>> = {
  "account.delete":
    "Asks for the deletion of the account. It ends every session at once; signing in within seven days undoes it. It needs a sign-in at most five minutes old.",
  "account.export": "Returns all data of the student as one JSON value.",

  "admin.applications.list": "Lists submitted applications, newest first.",
  "admin.applications.move": "Moves an application to another status, and tells the student.",
  "admin.applications.setDocument": "Sets the status of a document of an application, and tells the student.",
  "admin.applications.show": "Returns a submitted application with its history.",
  "admin.audit.list": "Lists the audit log.",
  "admin.catalogue.import":
    "Imports a portion of a list of universities. A repeated portion changes nothing.",
  "admin.database.backup": "Backs up the database while the server runs, and verifies the copy.",
  "admin.database.status": "Returns the state of the database: its kind, its newest migration and its epoch.",
  "admin.numbers.list":
    "Lists numbers with a wrong code in the last 30 days, a blocked device, or a spent daily budget.",
  "admin.numbers.show": "Explains whether a number can sign in, and why not.",
  "admin.numbers.unblock": "Removes the blocks of a number.",
  "admin.posts.list": "Lists reported posts, the last reported first; or all posts, newest first.",
  "admin.posts.remove": "Removes a post.",
  "admin.posts.show": "Returns a post with its reports.",
  "admin.push.list": "Lists the pushes that could not be delivered in time.",
  "admin.seed.run": "Adds the sample catalogue.",
  "admin.seed.world":
    "Builds the next portion of a world of invented students. Repeat it until the world is built.",
  "admin.sessions.list": "Lists sessions.",
  "admin.sessions.revoke": "Ends a session, and closes its sockets.",
  "admin.status": "Returns facts about the server, and checks that the database accepts writes.",
  "admin.users.erase":
    "Erases a student at once, without the seven days of the student's own deletion. It continues in the background.",
  "admin.users.erasure": "Returns how far the erasure of a student is.",
  "admin.users.export": "Returns all data of a student as one JSON value.",
  "admin.users.list": "Lists students.",
  "admin.users.show": "Returns a student by id or by number.",

  "applications.addDocument": "Adds a document to the checklist of an application.",
  "applications.create": "Creates a draft of an application to a course.",
  "applications.get": "Returns an application of the student.",
  "applications.history": "Lists the moves of an application, newest first.",
  "applications.list": "Lists the applications of the student.",
  "applications.removeDocument": "Removes a document from the checklist.",
  "applications.submit": "Submits a draft.",
  "applications.update": "Changes fields of a draft, all or none.",
  "applications.uploadDocument": "Marks a document as uploaded.",
  "applications.withdraw": "Withdraws an application.",

  "auth.requestCode": "Sends a sign-in code by SMS. The answer is the same for known and unknown numbers.",
  "auth.verifyCode": "Signs in with the code. The first sign-in with a number creates the student.",

  "chat.edit": "Edits a message of the student.",
  "chat.history": "Lists the messages of a room, newest first.",
  "chat.markRead": "Marks a room as read up to a position.",
  "chat.react": "Sets the student's reaction to a message, or removes it.",
  "chat.remove": "Removes a message, with its content.",
  "chat.rooms.acceptInvitation": "Joins a group to which the student is invited.",
  "chat.rooms.addMembers":
    "Adds students to a group. A student who does not have the caller as a contact is invited instead.",
  "chat.rooms.create": "Opens the direct room of two students, or creates a group.",
  "chat.rooms.declineInvitation": "Declines an invitation to a group.",
  "chat.rooms.get": "Returns a room with its members.",
  "chat.rooms.leave": "Leaves a group.",
  "chat.rooms.list": "Lists the rooms of the student, newest first.",
  "chat.rooms.removeMember": "Removes a member from a group, or withdraws an invitation.",
  "chat.rooms.rename": "Renames a group.",
  "chat.rooms.setRole": "Changes the role of a member. Only the owner may.",
  "chat.send": "Sends a message. The id of the message is the id of the command.",

  "contacts.add": "Adds a student or a phone number to the contacts.",
  "contacts.list": "Lists the contacts of the student.",
  "contacts.remove": "Removes a contact.",
  "contacts.update": "Changes a contact, or blocks a student.",

  "courses.get": "Returns a course.",
  "courses.list": "Searches the courses of the catalogue.",

  "documents.exchange":
    "Commits changes of the own user document, and returns what the device lacks. For networks without WebSockets.",

  "favourites.add": "Adds a favourite, for clients without Yjs.",
  "favourites.list": "Lists the favourites of the student.",
  "favourites.remove": "Removes a favourite, for clients without Yjs.",

  "inbox.changes":
    "Returns the rooms, invitations and notifications that have changed since an instant or a cursor.",

  "notifications.markRead": "Marks notifications as read.",
  "notifications.preferences": "Returns which notifications are listed and pushed.",
  "notifications.recent": "Lists the notifications of the student, newest first.",
  "notifications.setPreferences": "Changes which notifications are listed and pushed.",

  "profile.get": "Returns the profile of the student.",
  "profile.of":
    "Returns the public part of a student's profile: name, photo, bio, institution and home country.",
  "profile.update": "Changes the named fields of the profile.",

  "push.register": "Registers the push token of the device for this session.",
  "push.unregister": "Removes a push token.",

  "sessions.list": "Lists the signed-in devices of the student, last used first.",
  "sessions.logout": "Ends the session of the caller.",
  "sessions.revoke": "Ends another session of the student, and closes its sockets.",
  "sessions.revokeOthers": "Ends all sessions of the student except this one.",
  "sessions.validate": "Returns the student and the session of the key.",

  "social.comment": "Comments on a post, or answers a comment.",
  "social.comments": "Lists the comments on a post, or the answers to a comment.",
  "social.editPost": "Changes the named fields of a post.",
  "social.feed": "Lists the posts of the student and of followed students, newest first.",
  "social.follow": "Follows a student.",
  "social.followers": "Lists the followers of a student.",
  "social.following": "Lists the students that a student follows.",
  "social.get": "Returns a post.",
  "social.getComment": "Returns a comment.",
  "social.like": "Likes a post.",
  "social.likes": "Lists the students who like a post.",
  "social.post": "Posts a text, a link, an image, or several of these.",
  "social.removeComment": "Removes a comment, with its answers.",
  "social.removePost": "Removes a post of the student.",
  "social.report": "Reports a post to the admins.",
  "social.student": "Returns the page of a student.",
  "social.studentPosts": "Lists the posts of a student, newest first.",
  "social.unfollow": "Stops following a student.",
  "social.unlike": "Removes the student's like from a post.",

  "universities.get": "Returns a university.",
  "universities.list": "Searches the universities of the catalogue.",
};
