import type { Course, CourseFilter, University, UniversityFilter } from "../catalogue/catalogue.ts";
import type { ContactList } from "../contacts/contacts.ts";
import type { Page } from "../reads/page.ts";
import { NOTHING_READ, type ReadSnapshot } from "../reads/query.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** A page of universities: from the device at once, from the server when that is stale. */
export const useUniversities = (filter: UniversityFilter = {}): ReadSnapshot<Page<University>> => {
  const { universities } = useClient();
  return useWatched<ReadSnapshot<Page<University>>>((listener) => universities.watch(filter, listener), {
    initial: NOTHING_READ,
    dependencies: [universities, JSON.stringify(filter)],
  });
};

/** A page of courses, likewise. */
export const useCourses = (filter: CourseFilter = {}): ReadSnapshot<Page<Course>> => {
  const { courses } = useClient();
  return useWatched<ReadSnapshot<Page<Course>>>((listener) => courses.watch(filter, listener), {
    initial: NOTHING_READ,
    dependencies: [courses, JSON.stringify(filter)],
  });
};

/** The student's contacts, with what waits to be sent. */
export const useContacts = (): ReadSnapshot<ContactList> => {
  const { contacts } = useClient();
  return useWatched<ReadSnapshot<ContactList>>((listener) => contacts.watch(listener), {
    initial: NOTHING_READ,
    dependencies: [contacts],
  });
};
