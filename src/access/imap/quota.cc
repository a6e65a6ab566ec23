// QUOTA (RFC 9208). Each account is one quota root, named as the account; its resource is STORAGE. There is no root
// where there is no limit. Administrators set limits.
#include "access/imap/session.h"

namespace pabal::access::imap {
namespace {

constexpr uint64_t kUnit = 1'024;  // RFC 9208 §5.1, octets

uint64_t units(uint64_t octets) { return octets / kUnit + (octets % kUnit > 0); }

// setquota-list: the limit of STORAGE in octets; 0: no limit. Nothing: malformed, or another resource.
std::optional<uint64_t> parse_limits(Words& words) {
  uint64_t limit = 0;
  words.expect('(');
  if (words.accept(')')) return limit;
  if (words.name() != "STORAGE") return {};
  words.space();
  const uint64_t given = words.number64();
  words.expect(')');
  if (!words.ok() || given > UINT64_MAX / kUnit) return {};
  return given > 0 ? given * kUnit : 1;  // RFC 9208 §3.1.2: 0 lets nothing in
}

}  // namespace

// "* QUOTA root (STORAGE used limit)"; "": there is no limit.
Result<std::string> Session::quota_answer(const identity::Account& account) const {
  const auto figures = services_.mailboxes.figures(services_.store, account.id);
  if (!figures) return figures.error();
  if (figures->quota_octets == 0) return std::string();
  return "* QUOTA " + quote(account.name) + " (STORAGE " + std::to_string(units(figures->octets)) + " " +
         std::to_string(figures->quota_octets / kUnit) + ")\r\n";
}

// The account that a root belongs to, if he who asks may see it. Nothing: it has been answered.
std::optional<identity::Account> Session::quota_root(Words& words) {
  words.space();
  const std::string root = words.astring();
  if (!words.ok()) return bad("the name of a quota root was expected"), std::nullopt;
  const auto account = services_.login.directory().account(services_.store, root);
  if (!account) return no(account.error()), std::nullopt;
  if (!account_->admin && (!*account || (*account)->id != account_->id))
    return no("[NOPERM] that is not your quota"), std::nullopt;
  if (!*account) return no("[NONEXISTENT] there is no account of that name"), std::nullopt;
  return *account;
}

Task<void> Session::get_quota(Words words, bool) {
  const auto account = quota_root(words);
  if (!account) co_return;
  if (!words.done()) co_return bad("GETQUOTA wants the name of a quota root");
  const auto answer = quota_answer(*account);
  if (!answer) co_return no(answer.error());
  if (answer->empty()) co_return no("[NONEXISTENT] the account has no quota");
  out_ += *answer;
  ok("that is the quota");
}

Task<void> Session::get_quota_root(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("GETQUOTAROOT wants a mailbox");
  const auto found = need(services_.store, *name, mailbox::kRead);
  if (!found) co_return;
  const auto owner = services_.login.directory().account(services_.store, found->account);
  if (!owner) co_return no(owner.error());
  const auto answer = *owner ? quota_answer(**owner) : Result<std::string>("");
  if (!answer) co_return no(answer.error());
  out_ += "* QUOTAROOT " + shown_name(found->box.name) + (answer->empty() ? "" : " " + quote((*owner)->name)) + "\r\n" +
          *answer;
  ok("that is the quota");
}

// Only administrators: to them QUOTASET is told.
Task<void> Session::set_quota(Words words, bool) {
  const auto account = quota_root(words);
  if (!account) co_return;
  words.space();
  const auto limit = parse_limits(words);
  if (!words.done() || !limit) co_return bad("SETQUOTA wants the name of a quota root and (STORAGE number) or ()");
  Task<Result<void>> committing =
      commit([&directory = services_.login.directory(), &boxes = services_.mailboxes, self = account_->id,
              id = account->id, octets = *limit](store::Transaction& t) -> Result<void> {
        const auto asks = directory.account(t, self);
        if (!asks) return asks.error();
        if (!*asks || !(*asks)->admin) return Error{Code::kDenied, "only administrators set quotas"};
        auto newest = directory.account(t, id);
        if (!newest) return newest.error();
        if (!*newest) return Error{Code::kNotFound, "there is no such account any more"};
        (*newest)->quota_octets = octets;
        if (const auto updated = directory.update_account(t, **newest); !updated) return updated;
        return boxes.set_quota(t, id, octets);
      });
  const Result<void> done = co_await committing;
  if (!done && done.code() == Code::kDenied) co_return no("[NOPERM] " + done.error().message);
  if (!done) co_return no(done.error());
  const auto answer = quota_answer(*account);
  if (answer) out_ += *answer;
  ok("set");
}

// RFC 9208 §4.1.4, DELETED-STORAGE: what an EXPUNGE would free, in units.
uint64_t Session::deleted_storage(mailbox::AccountId account, const mailbox::Mailbox& box) const {
  if (box.deleted == 0) return 0;
  std::vector<mailbox::MessageId> deleted;
  const auto scanned = services_.mailboxes.rows(services_.store, account, box.id, 1, UINT32_MAX, [&](const auto& row) {
    if (row.flags.has(mailbox::kDeleted)) deleted.push_back(row.message);
    return true;
  });
  uint64_t octets = 0;
  for (const mailbox::MessageId id : deleted) {
    const auto message = services_.mailboxes.message(services_.store, account, id);
    if (message && *message) octets += (*message)->size;
  }
  return scanned ? units(octets) : 0;
}

}  // namespace pabal::access::imap
