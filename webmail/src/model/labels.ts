// Labels are mailboxes that people make.
import type { Id, SetAnswer } from "../jmap/types";
import { boxes, fullName, jmap, loadBoxes } from "./mail";

// "Work/Plans": within Work where that is there.
export async function makeLabel(wanted: string): Promise<Id> {
  const slash = wanted.lastIndexOf("/");
  const parent = slash > 0 ? boxes().find((box) => fullName(box) === wanted.slice(0, slash)) : undefined;
  const made = { name: parent ? wanted.slice(slash + 1) : wanted.replaceAll("/", "-"), parentId: parent?.id ?? null };
  const answer = await jmap().call<SetAnswer>("Mailbox/set", { create: { new: made } });
  const refused = answer.notCreated?.["new"];
  if (refused) throw new Error(refused.description ?? refused.type);
  await loadBoxes();
  return answer.created?.["new"]?.id ?? "";
}
