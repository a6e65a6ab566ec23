// The undelete window: what was taken out of its last mailbox is kept for a while, then freed.
#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

std::string window_key(AccountId account, const Message& m) {
  return keys::removed(account, static_cast<uint64_t>(to_micros(m.removed_until)), m.id);
}

MessageId message_of(std::string_view window) { return Decoder(window.substr(6 + 8)).u64(); }

}  // namespace

Result<void> take_out(store::Transaction& t, AccountId account, Edit& edit, Message& m, MailboxId mailbox, Time now) {
  if (const auto done = leave(t, account, edit, m, mailbox); !done) return done;
  if (m.places.empty()) {  // kept for a while, but no longer counted, and in no thread
    edit.state.octets -= m.size;
    --edit.state.messages;
    m.removed_until = now + kUndeleteWindow;
    t.put(window_key(account, m), "");
    t.erase(keys::member(account, m.thread, m.id));
  }
  write_message(t, account, edit, m);
  return {};
}

Result<void> Mailboxes::remove_place(store::Transaction& t, AccountId account, MessageId id, MailboxId mailbox) {
  auto m = need_message(t, account, id);
  if (!m) return m.error();
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  if (const auto done = take_out(t, account, *edit, *m, mailbox, impl_->clock.now()); !done) return done;
  return edit->finish();
}

Result<std::vector<Mailboxes::Deleted>> Mailboxes::deleted(const store::Reader& r, AccountId account,
                                                           size_t limit) const {
  std::vector<Deleted> out;
  store::Range range = store::Range::prefix(keys::in_account(account, 'd').take());
  range.begin = keys::removed(account, static_cast<uint64_t>(to_micros(impl_->clock.now())) + 1,
                              0);  // what has passed is as good as gone
  range.reverse = true;
  range.limit = limit;
  const auto window = r.list(range);
  if (!window) return window.error();
  for (const store::Entry& entry : *window) {
    auto m = need_message(r, account, message_of(entry.key));
    if (!m) return m.error();
    const Time until = m->removed_until;
    out.push_back({std::move(*m), until});
  }
  return out;
}

Result<Message::Place> Mailboxes::undelete(store::Transaction& t, AccountId account, MessageId id, MailboxId to) {
  auto m = need_message(t, account, id);
  if (!m) return m.error();
  if (!m->places.empty() || m->removed_until <= impl_->clock.now())
    return Error{Code::kNotFound, "that message was not deleted, or its time has passed"};
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  if (!fits(edit->state, m->size)) return Error{Code::kLimit, "the mailbox is full"};
  t.erase(window_key(account, *m));
  edit->state.octets += m->size;
  ++edit->state.messages;
  const auto uid = enter(t, account, *edit, *m, {to, 0, false, impl_->clock.now()});
  if (!uid) return uid.error();
  write_message(t, account, *edit, *m);
  t.put(keys::member(account, m->thread, m->id), "");
  if (const auto done = edit->finish(); !done) return done.error();
  return m->places.front();
}

Result<size_t> Mailboxes::purge_expired(store::Transaction& t, AccountId account, size_t limit) {
  auto state = need_state(t, account);
  if (!state) return state.error();
  const ModSeq last = state->modseq;
  const size_t beyond = last >= state->first_change + kMaxChanges ? last - state->first_change - kMaxChanges + 1 : 0;
  const size_t forgotten = std::min(beyond, limit);
  for (size_t i = 0; i < forgotten; ++i) t.erase(keys::change(account, state->first_change++));
  if (forgotten > 0) t.put(keys::state(account), encode(*state));

  store::Range range = store::Range::prefix(keys::in_account(account, 'd').take());
  range.end = keys::removed(account, static_cast<uint64_t>(to_micros(impl_->clock.now())) + 1, 0);
  range.limit = limit;
  const auto passed = t.list(range);
  if (!passed) return passed.error();
  for (const store::Entry& entry : *passed) {
    const auto m = need_message(t, account, message_of(entry.key));
    if (!m) return m.error();
    const auto d = details(t, account, m->id);
    if (!d) return d.error();
    t.erase(entry.key);
    t.erase(keys::message(account, m->id));
    t.erase(keys::details(account, m->id));
    t.erase(keys::words(account, m->id));
    t.erase(keys::file_words(account, m->id));
    if (const auto left = leave_thread(t, account, *d ? (*d)->structure.summary : message::Summary(), *m); !left)
      return left.error();
    if (const auto freed = release_body(t, m->body); !freed) return freed.error();
  }
  return std::max(passed->size(), forgotten);
}

}  // namespace pabal::mailbox
