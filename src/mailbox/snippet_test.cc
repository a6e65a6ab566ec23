#include "mailbox/snippet.h"

#include "base/text.h"
#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

std::string preview(std::string_view query, std::string_view text) {
  return SnippetWords(*parse_query(query, {})).preview(text).value_or("(none)");
}
std::string subject(std::string_view query, std::string_view text) {
  return SnippetWords(*parse_query(query, {})).subject(text).value_or("(none)");
}

TEST(Snippet, MarksTheWordsAndEscapesTheRest) {
  EXPECT_EQ(preview("dinner", "the dinner & more"), "the <mark>dinner</mark> &amp; more");
  EXPECT_EQ(preview("dinner", "<b>Dinner</b> \"is\" <script>"),
            "&lt;b&gt;<mark>Dinner</mark>&lt;/b&gt; \"is\" &lt;script&gt;");
  EXPECT_EQ(preview("dinner", "breakfast"), "(none)");
  EXPECT_EQ(preview("", "breakfast"), "(none)");
  EXPECT_EQ(preview("-dinner", "dinner"), "(none)");
  EXPECT_EQ(preview("mark", "a <mark>"), "a &lt;<mark>mark</mark>&gt;") << "what is marked in the text is not ours";
  EXPECT_EQ(preview("dinner", " the\r\n\r\n\t dinner \x01\r\n"), "the <mark>dinner</mark>");
}

TEST(Snippet, HasTheWordsOfTheIndex) {
  EXPECT_EQ(preview("회의", "내일 회의를 합니다"), "내일 <mark>회의</mark>를 합니다");
  EXPECT_EQ(preview("보고서를", "보고서 첨부"), "<mark>보고서</mark> 첨부");
  EXPECT_EQ(preview("회의자료", "회의 자료입니다"), "<mark>회의 자료</mark>입니다");
  EXPECT_EQ(preview("会議録", "明日の会議録です"), "明日の<mark>会議録</mark>です") << "two pairs are one mark";
  EXPECT_EQ(preview("RESUME", "my Résumé"), "my <mark>Résumé</mark>");
  EXPECT_EQ(preview("din*", "dinner"), "<mark>dinner</mark>");
  EXPECT_EQ(preview("\"for the dinner\"", "meet for the dinner. the end"), "meet <mark>for the dinner</mark>. the end");
  EXPECT_EQ(preview("din", "dinner"), "(none)");
}

TEST(Snippet, FieldsAreMarkedWhereTheyAre) {
  EXPECT_EQ(preview("subject:dinner", "dinner"), "(none)");
  EXPECT_EQ(subject("subject:dinner", "my dinner"), "my <mark>dinner</mark>");
  EXPECT_EQ(subject("dinner", "my dinner"), "my <mark>dinner</mark>");
  EXPECT_EQ(subject("from:dinner", "my dinner"), "(none)");
  EXPECT_EQ(SnippetWords(*text_query(Query::Op::kBody, "dinner")).subject("dinner"), std::nullopt);
  EXPECT_EQ(preview("a OR (b -c)", "a b c"), "<mark>a</mark> <mark>b</mark> c");
}

TEST(Snippet, APreviewIsThePartWithTheMostOfThem) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "filler words ";
  text += "first ";
  for (int i = 0; i < 100; ++i) text += "filler words ";
  text += "first and second here";
  const std::string found = preview("first second", text);
  EXPECT_NE(found.find("<mark>first</mark> and <mark>second</mark> here"), found.npos) << found;
  EXPECT_TRUE(found.starts_with("filler ") || found.starts_with("words ")) << found;
  EXPECT_LE(found.size(), kMaxPreview);
}

TEST(Snippet, APreviewIsNeverTooLongAndAlwaysUtf8) {
  for (const std::string_view filler : {"word ", "회의록 ", "会議", "<&> ", "x"})
    for (const size_t before : {0, 10, 59, 60, 61, 500}) {
      std::string text;
      for (size_t i = 0; i < before; ++i) text += filler;
      text += " needle ";
      for (size_t i = 0; i < 500; ++i) text += filler;
      const std::string found = preview("needle", text);
      EXPECT_LE(found.size(), kMaxPreview);
      EXPECT_GT(found.size(), 200u) << filler;
      EXPECT_NE(found.find("<mark>needle</mark>"), found.npos);
      EXPECT_EQ(found.find("<mark"), found.rfind("<mark"));
      EXPECT_TRUE(text::is_utf8(found)) << found;
    }
}

class SnippetOf : public MailboxTest {};

TEST_F(SnippetOf, AMessageComesFromItsStoredText) {
  const MessageId id = file({.subject = "=?utf-8?q?Abendessen_f=C3=BCr_zwei?=",
                             .body = "<p>Das <b>Abendessen</b> ist um 8</p>\r\n",
                             .type = "text/html; charset=utf-8"})
                           .message;
  const auto found = snippet(*boxes_, *store_, kAccount, id, SnippetWords(*parse_query("abendessen", {})));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->subject, "<mark>Abendessen</mark> für zwei");
  EXPECT_EQ(found->preview, "Das <mark>Abendessen</mark> ist um 8");
  EXPECT_EQ(snippet(*boxes_, *store_, kAccount, 99, SnippetWords(*parse_query("x", {}))).code(), Code::kNotFound);
}

}  // namespace
}  // namespace pabal::mailbox
