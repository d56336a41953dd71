import { describe } from "vitest";
import { MemoryCheckpoints } from "../../../worker-page/checkpoints/memory-checkpoints.ts";
import { checkpointStoreContract } from "../../contracts/checkpoint-store.ts";

describe("checkpoints in memory", () => checkpointStoreContract(async () => new MemoryCheckpoints()));
