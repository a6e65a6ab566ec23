#include "mailbox/attached.h"

#include "mailbox/mailbox_fixture.h"
#include "mailbox/query.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Ids = std::vector<MessageId>;

std::string with_file(std::string_view type, std::string_view name) {
  return "From: a@x.org\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
         "--b\r\n\r\nsee the file\r\n--b\r\nContent-Type: " +
         std::string(type) + "\r\nContent-Disposition: attachment; filename=\"" + std::string(name) +
         "\"\r\n\r\noctets\r\n--b--\r\n";
}

class Attached : public MailboxTest {
 protected:
  Ids ask(const Query& query) {
    const auto found = mailbox::find(*boxes_, *store_->snapshot(), kAccount, query, {});
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Ids{};
  }
  Ids ask(std::string_view text) { return ask(*parse_query(text, clock_.now())); }
  std::vector<FilesWait> waiting() { return *files_waiting(*store_, 100); }
  void put(MessageId id, const std::vector<std::string>& texts) {
    EXPECT_TRUE(run([&](auto& t) { return put_file_texts(t, {kAccount, id}, texts); }));
  }
};

TEST_F(Attached, FilesThatMayHaveTextWait) {
  for (const auto& [type, name, waits] : std::initializer_list<std::tuple<const char*, const char*, bool>>{
           {"application/pdf", "a", true},
           {"application/octet-stream", "A.PDF", true},
           {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a", true},
           {"application/vnd.oasis.opendocument.text", "a", true},
           {"application/octet-stream", "a.bin", false},
           {"image/png", "a.png", false},
           {"text/csv", "a.csv", false}}) {
    const MessageId id = try_file(with_file(type, name))->message;
    const bool found = !waiting().empty() && waiting().back().message == id;
    EXPECT_EQ(found, waits) << type << " " << name;
  }
  EXPECT_EQ(waiting().size(), 4u);
  open();
  EXPECT_EQ(waiting().size(), 4u) << "a restart goes on";
}

TEST_F(Attached, TheirWordsAreFoundInTexts) {
  const MessageId a = try_file(with_file("application/pdf", "a.pdf"))->message;
  const MessageId b = try_file(with_file("application/pdf", "b.pdf"))->message;
  put(a, {"the quarterly needle figures", "다른 보고서"});
  for (const bool folded : {false, true}) {
    if (folded) { ASSERT_TRUE(boxes_->fold(kAccount)); }
    EXPECT_EQ(ask("needle"), (Ids{a})) << folded;
    EXPECT_EQ(ask("\"quarterly needle\""), (Ids{a}));
    EXPECT_EQ(ask("보고서를 needle see"), (Ids{a})) << "together with the words of the message";
    EXPECT_EQ(ask(*text_query(Query::Op::kBody, "needle")), (Ids{a}));
    EXPECT_EQ(ask("subject:needle"), Ids{});
    EXPECT_EQ(ask("\"figures 다른\""), Ids{}) << "no phrase spans two files";
    for (const std::string_view part : {"needle", "EEDL", "quarterly need", "고서"})
      EXPECT_EQ(*find_in_files(*store_->snapshot(), kAccount, part), (Ids{a})) << part;
    Ids files;
    const auto imap = find_with_files(*store_->snapshot(), kAccount, "needle", Mailboxes::Term::Field::kAny, files);
    ASSERT_TRUE(imap && *imap);
    EXPECT_TRUE((*imap)->found.empty()) << "what is in the message itself is told apart";
    EXPECT_EQ(files, (Ids{a}));
  }
  put(b, {"a later needle"});
  EXPECT_EQ(ask("needle"), (Ids{a, b}));
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(ask("needle"), (Ids{a, b}));
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'W').take()), 0u);
  EXPECT_TRUE(waiting().empty());
}

TEST_F(Attached, OneThatComesLateIsFoundAsWell) {
  const MessageId a = try_file(with_file("application/pdf", "a.pdf"))->message;
  const MessageId b = try_file(with_file("application/pdf", "b.pdf"))->message;
  put(b, {"needle"});
  ASSERT_TRUE(boxes_->fold(kAccount));
  put(a, {"needle"});
  EXPECT_EQ(ask("needle"), (Ids{a, b}));
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(ask("needle"), (Ids{a, b}));
}

TEST_F(Attached, WhatIsGoneLeavesNothing) {
  const MessageId a = try_file(with_file("application/pdf", "a.pdf"))->message;
  ASSERT_TRUE(take_out(a));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 10); }));
  EXPECT_EQ(waiting().size(), 1u);
  put(a, {"needle"});
  EXPECT_TRUE(waiting().empty());
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'W').take()), 0u);

  const MessageId b = try_file(with_file("application/pdf", "b.pdf"))->message;
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
  put(b, {"needle"});
  EXPECT_TRUE(waiting().empty());
}

TEST_F(Attached, ACopyWaitsOfItsOwn) {
  const MessageId a = try_file(with_file("application/pdf", "a.pdf"))->message;
  put(a, {"needle"});
  ASSERT_TRUE(run([&](auto& t) { return boxes_->copy(t, kAccount, a, 1); }));
  ASSERT_EQ(waiting().size(), 1u);
  put(waiting()[0].message, {"needle"});
  EXPECT_EQ(ask("needle").size(), 2u);
}

}  // namespace
}  // namespace pabal::mailbox
