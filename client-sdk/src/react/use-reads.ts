import type { Course, CourseFilter, Page, University, UniversityFilter } from "@edvoyage/protocol";
import type { ContactList } from "../contacts/contacts.ts";
import { NOTHING_READ, type ReadSnapshot } from "../reads/query.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** Returns a page of universities: from the device immediately, then from the server if it is stale. */
export const useUniversities = (filter: UniversityFilter = {}): ReadSnapshot<Page<University>> => {
  const { universities } = useClient();
  return useWatched<ReadSnapshot<Page<University>>>((listener) => universities.watch(filter, listener), {
    initial: NOTHING_READ,
    dependencies: [universities, JSON.stringify(filter)],
  });
};

/** Returns a page of courses: from the device immediately, then from the server if it is stale. */
export const useCourses = (filter: CourseFilter = {}): ReadSnapshot<Page<Course>> => {
  const { courses } = useClient();
  return useWatched<ReadSnapshot<Page<Course>>>((listener) => courses.watch(filter, listener), {
    initial: NOTHING_READ,
    dependencies: [courses, JSON.stringify(filter)],
  });
};

/** Returns the student's contacts, including changes that wait to be sent. */
export const useContacts = (): ReadSnapshot<ContactList> => {
  const { contacts } = useClient();
  return useWatched<ReadSnapshot<ContactList>>((listener) => contacts.watch(listener), {
    initial: NOTHING_READ,
    dependencies: [contacts],
  });
};
