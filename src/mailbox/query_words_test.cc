#include "mailbox/query_words.h"

#include "mailbox/mailbox_fixture.h"
#include "mailbox/query.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

TEST(Particles, AreTakenAwayWhereTheyCanBeTold) {
  struct Case {
    std::string_view word, stem;
    bool sure;
  };
  for (const Case& c : std::initializer_list<Case>{{"보고서를", "보고서", true},
                                                   {"회의에서", "회의", true},
                                                   {"회의에서는", "회의", true},
                                                   {"학교까지", "학교", true},
                                                   {"선생님은", "선생님", true},
                                                   {"고양이", "고양", false},  // may be the noun itself
                                                   {"PDF를", "PDF", true},
                                                   {"책에서", "책", false},
                                                   {"전문가", "", false},  // 가 does not stand behind a consonant
                                                   {"여름휴가", "여름휴", false},
                                                   {"회의", "", false},
                                                   {"가을", "", false},
                                                   {"를", "", false},
                                                   {"meeting", "", false},
                                                   {"会議を", "", false}}) {
    const auto stem = without_particle(c.word);
    EXPECT_EQ(stem ? stem->text : "", c.stem) << c.word;
    EXPECT_EQ(stem && stem->sure, c.sure) << c.word;
  }
}

TEST(Accents, AreTakenFromLatinAndGreekOnly) {
  EXPECT_EQ(without_accents("résumé"), "resume");
  EXPECT_EQ(without_accents("señor"), "senor");
  EXPECT_EQ(without_accents("łódź"), "lodz");
  EXPECT_EQ(without_accents("άνθρωπος"), "ανθρωπος");
  EXPECT_EQ(without_accents("ångström"), "angstrom");
  EXPECT_EQ(without_accents("resume"), "");
  EXPECT_EQ(without_accents("чай"), "");
  EXPECT_EQ(without_accents("회의"), "");
  EXPECT_EQ(without_accents("ガ"), "");
}

// What is typed, what is in the mail, and whether it is found: in the index, in a segment of it, and in the text
// itself.
struct Found {
  std::string_view typed, text;
  bool found;
};
constexpr Found kFound[] = {
    {"회의", "내일 회의를 합니다", true},
    {"회의", "회의에서 정했다", true},
    {"회의", "국회의원", true},
    {"보고서를", "보고서 첨부합니다", true},
    {"보고서를", "보고서를 첨부합니다", true},
    {"\"보고서를\"", "보고서 첨부합니다", false},
    {"고양이", "고양 시청", true},
    {"전문가", "전문 서적", false},
    {"회의자료", "회의 자료입니다", true},
    {"회의자료", "회의자료입니다", true},
    {"회의 자료", "회의자료입니다", true},
    {"회의자료", "자료 회의", false},
    {"회의자료", "회의 일정과 자료", false},
    {"\"회의자료\"", "회의 자료입니다", false},
    {"주간회의록", "주간 회의록", true},
    {"주간회의록", "주간 회의", false},
    {"2024년", "2024년 계획", true},
    {"책", "책상 위에", true},
    {"ＡＢＣ", "abc", true},
    {"abc", "ＡＢＣ", true},
    {"ガイド", "ｶﾞｲﾄﾞ", true},
    {"會議", "會議錄", true},
    {"會議", "회의록", false},
    {"会議", "明日の会議は", true},
    {"ひらがな", "これはひらがなです", true},
    {"中文搜索", "全文的中文搜索功能", true},
    {"电子邮件", "这是电子\r\n邮件", true},
    {"resume", "my résumé", true},
    {"résumé", "my resume", true},
    {"résumé", "my résumé", true},
    {"\"resume\"", "my résumé", false},
    {"STRASSE", "Straße", true},
    {"uber", "über alles", true},
    {"\"my resume\"", "my résumé", false},
    {"cafe*", "das Caféhaus", true},
    {"report", "reports", false},
    {"report*", "reports", true},
    {"ระบบ", "ระบบอีเมล", true},
};

class QueryWords : public MailboxTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Waiting, QueryWords, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Folded, QueryWords, testing::Values(true));

TEST_P(QueryWords, FindWhatPeopleTypeThem) {
  AccountId account = 100;
  for (const Found& c : kFound) {
    ++account;
    ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, account, 0); }));
    file({.subject = "x", .body = std::string(c.text) + "\r\n", .type = "text/plain; charset=utf-8"}, {}, account);
    if (GetParam()) { ASSERT_TRUE(boxes_->fold(account)); }
    const auto query = parse_query(c.typed, clock_.now());
    const auto found = mailbox::find(*boxes_, *store_->snapshot(), account, *query, {});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->size(), c.found ? 1u : 0u) << c.typed << " in " << c.text;
  }
}

TEST(WordsInText, HasWhatTheIndexFinds) {
  for (const Found& c : kFound) {
    const auto query = parse_query(c.typed, {});
    bool all = true;
    for (const Query& leaf : query->children) {
      const TextWords words = words_of_text(leaf.text, leaf.exact, leaf.prefix);
      const WordsInText text(c.text);
      all = all && (text.has(words.words) || (words.instead && text.has(*words.instead)));
    }
    EXPECT_EQ(all, c.found) << c.typed << " in " << c.text;
  }
}

TEST(WordsInText, KnowsWhereTheyLie) {
  const auto at = [](std::string_view text, std::string_view typed) {
    std::string out;
    const TextWords words = words_of_text(typed, false, false);
    for (const auto& place : WordsInText(text).places(words.words))
      for (const auto& where : place) out += "[" + std::string(text.substr(where.begin, where.end - where.begin)) + "]";
    return out;
  };
  EXPECT_EQ(at("Hello, World! hello", "hello"), "[Hello][hello]");
  EXPECT_EQ(at("내일 회의를 합니다", "회의"), "[회의]");
  EXPECT_EQ(at("my Résumé.", "resume"), "[Résumé]");
  EXPECT_EQ(at("ABC회의DEF", "회의"), "[회의]");
  EXPECT_EQ(at("ｶﾞｲﾄﾞ", "ガイド"), "[ｶﾞｲﾄﾞ][ｶﾞｲﾄﾞ]") << "folding joined characters: the whole of it";
  EXPECT_EQ(at("\xff\xfe"
               "abc",
               "abc"),
            "[abc]")
      << "whatever the octets are";
}

}  // namespace
}  // namespace pabal::mailbox
