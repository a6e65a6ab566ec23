// Actions: what is to be done with the message, as values.
#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "sieve/run.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

constexpr uint64_t kMaxVacationDays = 90;

}  // namespace

FlagList Run::flags_for(const Node& node) {
  // RFC 5232 §5: :flags in the place of the internal variable.
  return node.has(Slot::kFlags) ? flag_list(texts(node, Slot::kFlags)) : flags;
}

Target Run::target(const Node& node, Slot mailbox) {
  Target out;
  out.mailbox = text(node, mailbox);
  out.mailbox_id = text(node, Slot::kMailboxId);
  out.special_use = text(node, Slot::kSpecialUse);
  out.create = node.has(Slot::kCreate);
  if (!is_mailbox_name(out.mailbox))
    fail("\"" + text::printable(out.mailbox, 60) + "\" can be no mailbox; the script names it");
  return out;
}

std::optional<Fcc> Run::fcc(const Node& node) {
  if (!node.has(Slot::kFcc)) return std::nullopt;
  return Fcc{target(node, Slot::kFcc), flag_list(texts(node, Slot::kFlags))};
}

Flow keep(Run& run, const Node& node) {
  run.act(Keep{run.flags_for(node), false});
  return Flow::kNext;
}

// RFC 5228 §4.4: cancels the implicit keep, and does nothing more.
Flow discard(Run& run, const Node&) {
  run.cancel_keep();
  return Flow::kNext;
}

Flow file_into(Run& run, const Node& node) {
  if (!node.has(Slot::kCopy)) run.cancel_keep();
  run.act(FileInto{run.target(node, Slot::kMailbox), run.flags_for(node)});
  return Flow::kNext;
}

Flow redirect(Run& run, const Node& node) {
  if (!node.has(Slot::kCopy)) run.cancel_keep();
  const std::string to = run.text(node, Slot::kAddresses);
  Redirect action;
  if (node.has(Slot::kList)) {
    // RFC 6134 §2.7
    if (!run.host.list_known(to)) run.fail("there is no list \"" + text::printable(to, 60) + "\" to redirect to");
    action.list = to;
  } else if (const auto address = single_address(to)) {
    action.address = *address;
  } else {
    run.fail("\"" + text::printable(to, 60) + "\" is no address to redirect to");
  }
  action.dsn_notify = text::uppered(run.text(node, Slot::kNotify));
  action.dsn_ret = text::uppered(run.text(node, Slot::kRet));
  run.act(std::move(action));
  return Flow::kNext;
}

Flow reject(Run& run, const Node& node) {
  if (!run.at_delivery(node.op == Op::kEreject ? "ereject" : "reject")) return Flow::kStop;
  run.cancel_keep();
  run.act(Reject{run.text(node, Slot::kReason), node.op == Op::kEreject});
  return Flow::kNext;
}

Flow vacation(Run& run, const Node& node) {
  if (!run.at_delivery("vacation")) return Flow::kStop;
  Vacation action;
  action.reason = run.text(node, Slot::kReason);
  action.subject = run.text(node, Slot::kSubject);
  action.from = run.text(node, Slot::kFrom);
  action.addresses = run.texts(node, Slot::kAddresses);
  action.mime = node.has(Slot::kMime);
  if (node.has(Slot::kFrom) && !single_address(action.from))
    run.fail("\"" + text::printable(action.from, 60) + "\" is no address to answer from");
  if (const Operand* interval = node.find(Slot::kInterval)) {
    // RFC 5230 §4.1: a day at least; RFC 6131 §2: 0 seconds is every time.
    const bool in_days = interval->choice == kDays;
    const uint64_t most = in_days ? kMaxVacationDays : kMaxVacationDays * 86'400;
    const uint64_t given = std::min(interval->number, most);
    action.interval = std::chrono::seconds(in_days ? std::max<uint64_t>(given, 1) * 86'400 : given);
  }
  if (node.has(Slot::kHandle)) {
    action.handle = "h" + run.text(node, Slot::kHandle);
  } else {
    // RFC 5230 §4.2: answers that differ in what they say are different answers.
    Encoder key;
    key.string(action.subject).string(action.from).boolean(action.mime).string(action.reason);
    action.handle = "s" + text::hex(sha256(key.view()));
  }
  action.fcc = run.fcc(node);
  run.act(std::move(action));
  return Flow::kNext;
}

Flow notify(Run& run, const Node& node) {
  Notify action;
  action.method = run.text(node, Slot::kMethod);
  action.from = run.text(node, Slot::kFrom);
  action.options = run.texts(node, Slot::kOptions);
  action.message = run.text(node, Slot::kMessage);
  const std::string importance = run.text(node, Slot::kImportance);
  if (importance == "1" || importance == "3") action.importance = importance[0] - '0';
  if (!parse_mailto(action.method)) run.fail("\"" + text::printable(action.method, 60) + "\" is no way to notify");
  // RFC 5435 §3.3: a :from that is no address is passed over.
  if (!single_address(action.from)) action.from.clear();
  action.fcc = run.fcc(node);
  run.act(std::move(action));
  return Flow::kNext;
}

}  // namespace pabal::sieve
