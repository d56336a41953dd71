/** The plain data of threads, for those who run in one. It lives with the pure machine, which may import nothing from here. */
export type {
  ThreadActor,
  ThreadCall,
  ThreadInput,
  ThreadReport,
  ThreadTask,
  ThreadValue,
} from "../machine/thread-work.ts";
