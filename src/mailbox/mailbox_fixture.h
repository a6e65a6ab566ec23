// What the tests of this room share: an account in a store of its own, and words to write into it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "mailbox/keys.h"
#include "mailbox/mailbox.h"
#include "mailbox/records.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"

namespace pabal::mailbox {

struct Letter {
  std::string subject = "hello", from = "alice@example.com", to = "bob@univ.edu", body = "How are you?\r\n";
  std::string id = "", references = "", in_reply_to = "", type = "";
};

inline std::string text_of(const Letter& l) {
  std::string out = "From: " + l.from + "\r\nTo: " + l.to + "\r\nSubject: " + l.subject +
                    "\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n";
  if (!l.id.empty()) out += "Message-ID: <" + l.id + ">\r\n";
  if (!l.references.empty()) out += "References: " + l.references + "\r\n";
  if (!l.in_reply_to.empty()) out += "In-Reply-To: " + l.in_reply_to + "\r\n";
  if (!l.type.empty())
    out += "MIME-Version: 1.0\r\nContent-Type: " + l.type + "\r\nContent-Transfer-Encoding: 8bit\r\n";
  return out + "\r\n" + l.body;
}

class MailboxTest : public testing::Test {
 protected:
  static constexpr AccountId kAccount = 7;

  // Runs `work` in a transaction of its own and gives what it gave, or why it was not written.
  template <typename Work>
  auto run(Work work) {
    using Out = decltype(work(std::declval<store::Transaction&>()));
    std::optional<Out> out;
    const Result<void> done = store_->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      out.emplace(work(t));
      if (*out) return {};
      return out->error();
    });
    return done ? std::move(*out) : Out(done.error());
  }

  MailboxTest() {
    open();
    EXPECT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }));
  }
  void close() {
    boxes_.reset();
    store_.reset();
  }
  void open() {
    close();
    auto opened = store::open_rocksdb({.path = "/store", .env = disk_.env()}, clock_);
    if (!opened) ADD_FAILURE() << opened.error().message;
    store_ = std::move(*opened);
    boxes_ = std::make_unique<Mailboxes>(*store_, clock_);
  }

  Result<Filed> try_file(const std::string& bytes, const Filing& filing = {}, AccountId account = kAccount) {
    const auto prepared = prepare(bytes);
    const BodyId body = boxes_->new_body_id();
    return run([&](store::Transaction& t) -> Result<Filed> {
      if (const auto put = boxes_->put_body(t, body, *prepared); !put) return put.error();
      return boxes_->file(t, account, *prepared, body, filing);
    });
  }
  Filed file(const Letter& letter, const Filing& filing = {}, AccountId account = kAccount) {
    const auto filed = try_file(text_of(letter), filing, account);
    EXPECT_TRUE(filed) << filed.error().message;
    return filed ? *filed : Filed{};
  }
  Filed file_into(MailboxId mailbox, const Letter& letter = {}) {
    Filing filing;
    filing.mailboxes = {mailbox};
    return file(letter, filing);
  }

  MailboxId make(std::string_view name) {
    const auto made = run([&](auto& t) { return boxes_->create(t, kAccount, name); });
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : 0;
  }
  Result<void> take_out(MessageId id, MailboxId from = 1) {
    return run([&](auto& t) { return boxes_->remove_place(t, kAccount, id, from); });
  }
  // In the first mailbox that has it.
  Result<Message> edit_flags(MessageId id, const std::function<void(Flags&)>& how) {
    const Message::Place place = message(id).places.at(0);
    const auto done = run([&](auto& t) { return boxes_->edit_flags(t, kAccount, place.mailbox, {place.uid}, how); });
    if (!done) return done.error();
    return message(id);
  }
  Result<Message> flag(MessageId id, uint8_t on, uint8_t off = 0) {
    return edit_flags(id, [&](Flags& f) { f.system = static_cast<uint8_t>((f.system | on) & ~off); });
  }

  Mailbox box(MailboxId id) {
    const auto found = boxes_->get(*store_, kAccount, id);
    EXPECT_TRUE(found && *found) << "mailbox " << id;
    return found && *found ? **found : Mailbox{};
  }
  MailboxId named(std::string_view name) {
    const auto found = boxes_->find(*store_, kAccount, name);
    return found && *found ? (*found)->id : 0;
  }
  Message message(MessageId id) {
    const auto found = boxes_->message(*store_, kAccount, id);
    EXPECT_TRUE(found && *found) << "message " << id;
    return found && *found ? **found : Message{};
  }
  AccountFigures figures(AccountId account = kAccount) {
    const auto found = boxes_->figures(*store_, account);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : AccountFigures{};
  }
  std::vector<Uid> uids(MailboxId id) {
    std::vector<Uid> out;
    const auto map = boxes_->uids(*store_, kAccount, id);
    EXPECT_TRUE(map);
    for (uint32_t n = 1; map && n <= map->count(); ++n) out.push_back(map->at(n));
    return out;
  }
  std::vector<Row> rows(MailboxId id) {
    std::vector<Row> out;
    EXPECT_TRUE(
        boxes_->rows(*store_, kAccount, id, 1, UINT32_MAX, [&](const Row& row) { return out.push_back(row), true; }));
    return out;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    const auto all = boxes_->list(*store_, kAccount);
    EXPECT_TRUE(all);
    if (all)
      for (const Mailbox& m : *all) out.push_back(m.name);
    return out;
  }
  std::vector<Change> changes(ModSeq since) {
    const auto found = boxes_->changes(*store_, kAccount, since, SIZE_MAX);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<Change>{};
  }
  std::vector<MessageId> search(std::vector<Mailboxes::Term> terms) {
    const auto found = boxes_->search(*store_->snapshot(), kAccount, terms);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<MessageId>{};
  }
  std::vector<MessageId> search(std::string_view text) { return search({{.text = std::string(text)}}); }
  size_t keys_with(std::string_view prefix) {
    const auto all = store_->list(store::Range::prefix(prefix));
    EXPECT_TRUE(all);
    return all ? all->size() : 0;
  }
  bool has_body(BodyId body) {
    const auto found = boxes_->body(*store_, body);
    EXPECT_TRUE(found || found.code() == Code::kNotFound);
    return found.ok();
  }
  uint64_t references(BodyId body) {
    const auto found = store_->get(keys::references(body));
    return found && *found ? Decoder(**found).varint() : 0;
  }

  ManualClock clock_;
  store::FaultyDisk disk_;  // in memory, so that tests are quick
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Mailboxes> boxes_;
};

}  // namespace pabal::mailbox
