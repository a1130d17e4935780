import type { Notification, Page } from "@edvoyage/protocol";
import type { Application } from "../applications/api.ts";
import type { OwnProfile } from "../profile/profile.ts";
import { NOTHING_READ, type ReadSnapshot } from "../reads/query.ts";
import type { View } from "../reads/views.ts";
import type { Post } from "../social/api.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/**
 * Watches a view, such as `useView(client.social.comments(postId))`. The value includes changes that wait to be sent, and
 * updates when another device changes it.
 */
export const useView = <Value>(view: Pick<View<Value>, "key" | "watch">): ReadSnapshot<Value> => {
  const client = useClient();
  return useWatched<ReadSnapshot<Value>>(view.watch, {
    initial: NOTHING_READ,
    dependencies: [client, view.key],
  });
};

/** Watches the student's own profile. */
export const useProfile = (): ReadSnapshot<OwnProfile> => useView(useClient().profile);

/** Watches the student's applications, newest first. */
export const useApplications = (): ReadSnapshot<Page<Application>> => useView(useClient().applications);

/** Watches the Cavity feed, newest first; `client.social.feed.loadMore()` loads more. */
export const useFeed = (): ReadSnapshot<Page<Post>> => useView(useClient().social.feed);

/** Watches the student's notifications and the number of unread ones. */
export const useNotifications = (): ReadSnapshot<Page<Notification>> & { readonly unread: number } => {
  const { notifications } = useClient();
  const unread = useWatched<number>(notifications.watchUnread, { initial: 0, dependencies: [notifications] });
  return { ...useView(notifications), unread };
};
