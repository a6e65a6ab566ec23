#include "jmap/email_news.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "mailbox/history.h"

namespace pabal::jmap {
namespace {

using mailbox::HistoryChange;
using mailbox::MailboxId;
using Kind = mailbox::Change::Kind;

void set_flag(uint8_t& flags, uint8_t flag, bool on) {
  flags = static_cast<uint8_t>(on ? flags | flag : flags & ~flag);
}

// Takes the change back.
void undo(const HistoryChange& change, std::set<MailboxId>& boxes, EmailNews& news) {
  switch (change.kind) {
    case Kind::kAdded:
      boxes.erase(change.mailbox);
      break;
    case Kind::kRemoved:  // whether it was \Deleted there, a change before says
      boxes.insert(change.mailbox);
      break;
    case Kind::kFlags:
      if (change.set & mailbox::kDeleted) boxes.insert(change.mailbox);
      if (change.cleared & mailbox::kDeleted) boxes.erase(change.mailbox);
      for (const uint8_t flag : {mailbox::kSeen, mailbox::kFlagged}) {
        if (change.set & flag) set_flag(news.then.system, flag, false);
        if (change.cleared & flag) set_flag(news.then.system, flag, true);
      }
      news.flags_changed = true;
      break;
    default:
      break;
  }
  if (news.then.thread == 0) news.then.thread = change.thread;
}

}  // namespace

std::string State::text() const {
  return state_text(modseq) + (email != 0 ? "." + std::to_string(email) : std::string());
}

std::optional<State> read_state(std::string_view text) {
  const size_t dot = text.find('.');
  const auto modseq = text::parse_u64(text.substr(0, dot));
  const auto email = dot == text.npos ? 0 : text::parse_u64(text.substr(dot + 1));
  if (!modseq || !email) return {};
  return State{*modseq, *email};
}

Or<News> email_news(Call& call, const State& since) {
  const mailbox::Mailboxes& boxes = call.services().mailboxes;
  const Account& account = call.account();
  const auto figures = boxes.figures(call.reader(), account.id);
  if (!figures) return failure_of(figures.error());
  if (since.modseq > figures->modseq) return cannot_calculate();
  auto changes = mailbox::history(call.reader(), account.id, since.modseq, SIZE_MAX);
  if (!changes) return changes.code() == Code::kNotFound ? cannot_calculate() : failure_of(changes.error());
  News out;
  out.now = figures->modseq;
  // Who sees some mailboxes by rights has no history of these.
  const auto about_rights = [](const HistoryChange& c) { return c.kind == Kind::kRights; };
  if (!account.own && std::any_of(changes->begin(), changes->end(), about_rights)) return cannot_calculate();
  std::erase_if(*changes, [&](const HistoryChange& c) {
    return c.message == 0 || (c.modseq == since.modseq + 1 && c.message <= since.email);
  });
  std::vector<mailbox::MessageId> ids;
  for (const HistoryChange& change : *changes) {
    out.order.emplace_back(change.modseq, change.message);
    ids.push_back(change.message);
  }
  std::sort(out.order.begin(), out.order.end());
  out.order.erase(std::unique(out.order.begin(), out.order.end()), out.order.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::map<mailbox::MessageId, std::set<MailboxId>> now, then;
  for (const mailbox::MessageId id : ids) {
    EmailNews& one = out.emails[id];
    one.then.id = id;
    one.is_purged = true;
  }
  const auto read = boxes.each_message(call.reader(), account.id, ids, [&](mailbox::Message&& m) {
    EmailNews& one = out.emails[m.id];
    one.is_purged = false;
    one.then = {m.id, m.thread, m.received, m.size, m.flags.system};
    for (const std::string& keyword : m.flags.keywords) one.then.keywords.push_back(text::lowered(keyword));
    for (const mailbox::Message::Place& place : m.places)
      if (!place.deleted) now[m.id].insert(place.mailbox);
  });
  if (!read) return failure_of(read.error());
  then = now;
  for (auto change = changes->rbegin(); change != changes->rend(); ++change)
    undo(*change, then[change->message], out.emails[change->message]);
  const auto hidden = [&](MailboxId id) { return !account.may(id, mailbox::kLookup | mailbox::kRead); };
  for (auto& [id, one] : out.emails) {
    std::erase_if(then[id], hidden);
    std::erase_if(now[id], hidden);
    one.then.boxes.assign(then[id].begin(), then[id].end());
    one.visible_now = !now[id].empty();
    one.boxes_changed = then[id] != now[id];
  }
  return out;
}

}  // namespace pabal::jmap
