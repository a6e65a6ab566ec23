#include "mailbox/search.h"

#include <atomic>
#include <thread>

#include "base/text.h"
#include "mailbox/mailbox_fixture.h"
#include "mailbox/segment.h"

namespace pabal::mailbox {
namespace {

using Field = Mailboxes::Term::Field;

std::string cut_text(std::string_view text) {  // "word|word", a pair of a CJK run as "word+"
  std::string out;
  uint32_t expected = 0;
  cut(text, [&](const Token& token) {
    EXPECT_EQ(token.position, expected++);
    out += (out.empty() ? "" : "|") + std::string(token.word) + (token.pair ? "+" : "");
    return true;
  });
  return out;
}

TEST(Cut, AsciiWordsAreLettersAndDigitsInLowerCase) {
  EXPECT_EQ(cut_text("Hello, World! can't x2 user@example.com"), "hello|world|can|t|x2|user|example|com");
  EXPECT_EQ(cut_text(" \r\n\t.,-"), "");
  EXPECT_EQ(cut_text(""), "");
}

TEST(Cut, EveryAsciiLetterInEveryPlaceIsLowered) {
  for (size_t size = 1; size <= kMaxWord; ++size)
    for (int c = 0; c < 0x80; ++c) {
      if (!text::is_alnum(static_cast<char>(c))) continue;
      std::string word(size, 'Q');
      word[size - 1] = static_cast<char>(c);
      ASSERT_EQ(cut_text("-" + word + "@"), text::lowered(word));
    }
}

TEST(Cut, OtherAlphabetsAreFoldedByUnicode) {
  EXPECT_EQ(cut_text("Straße ÉTÉ Ｆｕｌｌ"), "strasse|été|full");
  EXPECT_EQ(cut_text("e\xCC\x81te\xCC\x81"), "été") << "composed";
  EXPECT_EQ(cut_text("ПРИВЕТ, мир"), "привет|мир");
  EXPECT_EQ(cut_text("l’été “quoted” naïve—dash"), "l|été|quoted|naïve|dash");
  EXPECT_EQ(cut_text("שלום עולם"), "שלום|עולם");
  EXPECT_EQ(cut_text("हिन्दी पाठ"), "हिन्दी|पाठ") << "marks belong to their word";
}

TEST(Cut, ChineseJapaneseAndKoreanBecomePairs) {
  EXPECT_EQ(cut_text("한국어 문서"), "한국+|국어+|어|문서+|서");
  EXPECT_EQ(cut_text("漢字かな"), "漢字+|字か+|かな+|な");
  EXPECT_EQ(cut_text("サーバー。停止"), "サー+|ーバ+|バー+|ー|停止+|止");
  EXPECT_EQ(cut_text("中"), "中");
  EXPECT_EQ(cut_text("K팝 5월"), "k|팝|5|월");
  EXPECT_EQ(cut_text("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB\xE1\x84\x80\xE1\x85\xB3\xE1\x86\xAF"), "한글+|글")
      << "jamo are composed";
  EXPECT_EQ(cut_text("\xF0\xA0\x80\x80\xF0\xA0\x80\x81"), "\xF0\xA0\x80\x80\xF0\xA0\x80\x81+|\xF0\xA0\x80\x81")
      << "beyond the BMP";
}

TEST(Cut, ThaiIsCutByTheDictionary) { EXPECT_EQ(cut_text("สวัสดีชาวโลก"), "สวัสดี|ชาว|โลก"); }

TEST(Cut, LongWordsAreShortenedAtACharacter) {
  EXPECT_EQ(cut_text(std::string(200, 'A')), std::string(kMaxWord, 'a'));
  std::string cyrillic;
  for (int i = 0; i < 100; ++i) cyrillic += "ж";
  EXPECT_EQ(cut_text("a" + cyrillic), "a" + cyrillic.substr(0, 62));
}

TEST(Cut, AnyBytesGiveWordsThatAreUtf8) {
  SeededRandom random(9);
  for (int round = 0; round < 200; ++round) {
    const std::string bytes = random.bytes(random.below(300));
    cut(bytes, [&](const Token& token) {
      EXPECT_TRUE(text::is_utf8(token.word));
      EXPECT_FALSE(token.word.empty());
      EXPECT_LE(token.word.size(), kMaxWord);
      return true;
    });
  }
}

TEST(Cut, StopsWhenTold) {
  int seen = 0;
  cut("a b c 한국어 d", [&](const Token&) { return ++seen < 5; });
  EXPECT_EQ(seen, 5);
}

std::map<std::string, std::vector<uint32_t>> words_of(const std::string& bytes) {
  std::map<std::string, std::vector<uint32_t>> out;
  const auto prepared = prepare(bytes);
  if (prepared->words.empty()) return out;
  const auto list = unpacked(prepared->words);
  EXPECT_TRUE(list && read_words(*list, [&](std::string_view word, std::string_view positions) {
                EXPECT_TRUE(out.emplace(word, decode_positions(positions).value()).second) << "each word once";
                return true;
              }));
  return out;
}

TEST(WordList, NamesFieldsAndPositions) {
  const auto words = words_of(
      "From: Alice A <alice@example.com>\r\nTo: bob@univ.edu\r\nCc: carol@univ.edu\r\nSubject: =?utf-8?q?Caf=C3=A9?= "
      "time\r\n\r\none two one\r\n");
  EXPECT_TRUE(words.contains("scafé"));
  EXPECT_TRUE(words.contains("stime"));
  EXPECT_TRUE(words.contains("falice"));
  EXPECT_TRUE(words.contains("tbob"));
  EXPECT_TRUE(words.contains("ccarol"));
  EXPECT_FALSE(words.contains("bcafé")) << "the subject is not of the text";
  ASSERT_EQ(words.at("bone").size(), 2u);
  EXPECT_EQ(words.at("bone")[1] - words.at("bone")[0], 2u);
  EXPECT_EQ(words.at("btwo")[0], words.at("bone")[0] + 1);
}

TEST(WordList, TakesTextHtmlNamesOfFilesAndEmbeddedMessages) {
  const auto words = words_of(
      "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; "
      "charset=euc-kr\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "PHA+x9Gxub7uPC9wPjxzY3JpcHQ+aGlkZGVuPC9zY3JpcHQ+\r\n--x\r\nContent-Type: application/pdf; "
      "name=\"invoice.pdf\"\r\n\r\nbinary\r\n"
      "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner thing\r\nFrom: dave@example.org\r\n\r\ndeep "
      "text\r\n--x--\r\n");
  EXPECT_TRUE(words.contains("b한국"));
  EXPECT_FALSE(words.contains("bhidden"));
  EXPECT_TRUE(words.contains("binvoice"));
  EXPECT_FALSE(words.contains("bbinary"));
  EXPECT_TRUE(words.contains("binner"));
  EXPECT_TRUE(words.contains("bdave"));
  EXPECT_TRUE(words.contains("bdeep"));
}

TEST(WordList, OfTheFormsOfOneTextThePlainOneIsEnough) {
  const auto words = words_of(
      "Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nplain words\r\n--x\r\nContent-Type: "
      "text/html\r\n\r\n<b>rich</b>\r\n--x--\r\n");
  EXPECT_TRUE(words.contains("bplain"));
  EXPECT_FALSE(words.contains("brich"));
}

TEST(WordList, StatefulCharsetsAreDecodedBeforeTheyAreCut) {
  const auto words = words_of("Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1B$B4A;z\x1B(B\r\n");
  EXPECT_TRUE(words.contains("b漢字"));
}

TEST(WordList, IsBounded) {
  std::string text = "\r\n";
  for (size_t n = 0; n < kMaxPositions + 1000; ++n) text += "w" + std::to_string(n % 1000) + " ";
  size_t positions = 0;
  const auto words = words_of(text);
  for (const auto& [word, at] : words) positions += word == kCutShort ? 0 : at.size();
  EXPECT_EQ(positions, kMaxPositions);
  EXPECT_TRUE(words.contains(std::string(kCutShort)));
  EXPECT_TRUE(words_of("\r\n\r\n").empty());
  EXPECT_EQ(words_of("\r\nsmall again").size(), 2u) << "nothing is left of the large one";
}

TEST(WordList, ManyDifferentWordsAreAllKept) {
  std::string text = "\r\n";
  for (int n = 0; n < 20'000; ++n) text += "w" + std::to_string(n) + " ";
  EXPECT_EQ(words_of(text).size(), 20'000u);
}

// --- segments

TEST(Segments, AreWrittenAndReadBlockByBlock) {
  ManualClock clock;
  store::FaultyDisk disk;
  {
    const auto store = std::move(*store::open_rocksdb({.path = "/store", .env = disk.env()}, clock));
    SegmentWriter writer(1, 5);
    std::map<std::string, std::vector<MessageId>> model;
    const std::string positions = "\x01\x02";
    for (int n = 0; n < 3'000; ++n) {
      char word[16];
      snprintf(word, sizeof word, "bw%05d", n * 7);
      std::vector<Posting> postings;
      for (MessageId id = 1; id < 30; id += 1 + static_cast<MessageId>(n % 5)) {
        postings.push_back({id * 1000, positions});
        model[word].push_back(id * 1000);
      }
      writer.add(word, postings);
    }
    writer.add("bx-nobody", {});
    const auto entries = writer.finish(29);
    EXPECT_GT(entries.size(), 5u);
    ASSERT_TRUE(store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      for (const auto& e : entries) t.put(e.key, e.value);
      t.put(keys::in_account(1, 'g').u64(6).u32(3).take(), "a block of a merge that was cut off");
      return {};
    }));
    const auto segments = list_segments(*store, 1);
    ASSERT_TRUE(segments);
    ASSERT_EQ(segments->size(), 2u);
    EXPECT_FALSE((*segments)[1].whole);
    const Segment& segment = (*segments)[0];
    EXPECT_EQ(segment.messages, 29u);
    EXPECT_EQ(segment_keys(1, segment).size(), entries.size());
    const auto found = [&](std::string_view word, bool prefix) {
      std::map<std::string, std::vector<MessageId>> out;
      EXPECT_TRUE(read_postings(*store, 1, segment, word, prefix, [&](std::string_view w, const Posting& p) {
        EXPECT_EQ(p.positions, positions);
        out[std::string(w)].push_back(p.message);
      }));
      return out;
    };
    for (const auto& [word, messages] : model) ASSERT_EQ(found(word, false), (decltype(model){{word, messages}}));
    for (const std::string word : {"a", "bw", "bw00001", "bw99999", "bx-nobody", "c"})
      EXPECT_TRUE(found(word, false).empty()) << word;
    EXPECT_EQ(found("bw", true), model);
    EXPECT_EQ(found("bw010", true).size(), 15u);
    EXPECT_TRUE(found("c", true).empty());

    SegmentCursor cursor(*store, 1, segment);
    decltype(model) read;
    for (;;) {
      const auto more = cursor.next();
      ASSERT_TRUE(more);
      if (!*more) break;
      std::vector<Posting> postings;
      ASSERT_TRUE(cursor.postings(postings));
      for (const Posting& p : postings) read[std::string(cursor.word())].push_back(p.message);
    }
    EXPECT_EQ(read, model);
  }
}

// --- the whole search, before and after a fold

class Search : public MailboxTest, public testing::WithParamInterface<bool> {
 protected:
  // Searches what was filed as it lies in the tail, or folded.
  std::vector<MessageId> find(std::vector<Mailboxes::Term> terms) {
    if (GetParam()) { EXPECT_TRUE(boxes_->fold(kAccount)); }
    return search(std::move(terms));
  }
  std::vector<MessageId> find(std::string_view text, Field field = Field::kAny, bool phrase = false,
                              bool prefix = true) {
    return find({{std::string(text), field, phrase, prefix}});
  }
  MessageId korean(std::string_view body) {
    return file({.body = std::string(body), .type = "text/plain; charset=utf-8"}).message;
  }
  using Ids = std::vector<MessageId>;
};
INSTANTIATE_TEST_SUITE_P(Tail, Search, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Folded, Search, testing::Values(true));

TEST_P(Search, FindsInTheFieldsItIsAskedFor) {
  const MessageId a =
      file({.subject = "budget", .from = "Alice <alice@example.com>", .to = "bob@univ.edu", .body = "the numbers\r\n"})
          .message;
  const MessageId b =
      file({.subject = "numbers", .from = "bob@univ.edu", .to = "alice@example.com", .body = "a budget\r\n"}).message;
  EXPECT_EQ(find("budget"), (Ids{a, b}));
  EXPECT_EQ(find("Budget", Field::kSubject), (Ids{a}));
  EXPECT_EQ(find("BUDGET", Field::kBody), (Ids{b}));
  EXPECT_EQ(find("alice", Field::kFrom), (Ids{a}));
  EXPECT_EQ(find("alice", Field::kTo), (Ids{b}));
  EXPECT_EQ(find("univ.edu", Field::kFrom), (Ids{b}));
  EXPECT_TRUE(find("hello").empty());
}

TEST_P(Search, AllWordsOfAllTermsMustBeThereInAnyField) {
  const MessageId a = file({.subject = "red", .body = "green blue\r\n"}).message;
  file({.subject = "red", .body = "green\r\n"});
  EXPECT_EQ(find("blue red green"), (Ids{a}));
  EXPECT_EQ(find({{"red", Field::kSubject}, {"blue", Field::kBody}}), (Ids{a}));
  EXPECT_TRUE(find("red yellow").empty());
}

TEST_P(Search, TheLastWordIsAPrefixWhenAsked) {
  const MessageId a = file({.body = "conference\r\n"}).message,
                  b = file({.body = "confirm the conference confirmed\r\n"}).message;
  EXPECT_EQ(find("conf"), (Ids{a, b}));
  EXPECT_EQ(find("confi"), (Ids{b}));
  EXPECT_TRUE(find("conf", Field::kAny, false, false).empty());
  EXPECT_EQ(find("conference", Field::kAny, false, false), (Ids{a, b}));
  EXPECT_TRUE(find("conf the", Field::kBody).empty()) << "only the last one";
  EXPECT_EQ(find("the conf", Field::kBody, true), (Ids{b}));
}

TEST_P(Search, APhraseStandsInOneFieldInItsOrder) {
  const MessageId a = file({.subject = "quick", .body = "the quick brown fox and the quick red fox\r\n"}).message;
  file({.subject = "the quick", .body = "brown quick the fox\r\n"});
  EXPECT_EQ(find("quick brown fox", Field::kAny, true), (Ids{a}));
  EXPECT_EQ(find("the quick red", Field::kAny, true), (Ids{a}));
  EXPECT_TRUE(find("quick fox", Field::kAny, true).empty());
  EXPECT_TRUE(find("fox quick", Field::kAny, true).empty());
}

TEST_P(Search, APhraseDoesNotSpanTwoAddresses) {
  file({.to = "Ann Black <ab@x.org>, White Cat <wc@x.org>"});
  EXPECT_TRUE(find("org white", Field::kTo, true).empty());
  EXPECT_EQ(find("white cat", Field::kTo, true).size(), 1u);
}

TEST_P(Search, AnyPartOfAKoreanWordIsFound) {
  const MessageId a = korean("대한민국의 우체국은 빠릅니다\r\n"), b = korean("한국 우표\r\n");
  EXPECT_EQ(find("우체국"), (Ids{a}));
  EXPECT_EQ(find("체국"), (Ids{a}));
  EXPECT_EQ(find("민국의 우체국", Field::kAny, true), (Ids{a})) << "a phrase over a blank";
  EXPECT_EQ(find("한국"), (Ids{b})) << "한민국 has no 한국";
  EXPECT_EQ(find("우"), (Ids{a, b}));
  EXPECT_EQ(find("체", Field::kAny, false, false), (Ids{a})) << "one character, also without prefix";
  EXPECT_EQ(find("국", Field::kAny, false, false), (Ids{a, b}));
  EXPECT_TRUE(find("국은의").empty());
  EXPECT_TRUE(find("우국").empty());
  EXPECT_EQ(find("우체국 빠릅니다"), (Ids{a}));
}

TEST_P(Search, JapaneseAndChineseAreFoundWithoutBlanks) {
  const MessageId a = korean("明日の会議は東京で行います\r\n"), b = korean("我们明天在北京开会\r\n");
  EXPECT_EQ(find("会議"), (Ids{a}));
  EXPECT_EQ(find("東京で"), (Ids{a}));
  EXPECT_EQ(find("北京开会"), (Ids{b}));
  EXPECT_EQ(find("明"), (Ids{a, b}));
  EXPECT_TRUE(find("京都").empty());
}

TEST_P(Search, WhatWasRemovedIsNeverFoundAndWhatCameBackIs) {
  const MessageId a = file({.body = "needle\r\n"}).message, b = file({.body = "needle\r\n"}).message;
  EXPECT_EQ(find("needle"), (Ids{a, b}));
  ASSERT_TRUE(take_out(a));
  EXPECT_EQ(find("needle"), (Ids{b}));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->undelete(t, kAccount, a, 1); }));
  EXPECT_EQ(find("needle"), (Ids{a, b}));
  ASSERT_TRUE(take_out(a));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 10); }));
  EXPECT_EQ(find("needle"), (Ids{b}));
}

TEST_P(Search, ACopyHasTheWordsOfTheFirst) {
  const MessageId a = file({.body = "needle\r\n"}).message;
  if (GetParam()) { ASSERT_TRUE(boxes_->fold(kAccount)); }
  const auto copy = [&](MessageId id) {
    EXPECT_TRUE(run([&](auto& t) { return boxes_->copy(t, kAccount, id, 1); }));
    return rows(1).back().message;
  };
  const MessageId second = copy(a), third = copy(second);
  EXPECT_EQ(search("needle"), (Ids{a, second, third}));
  EXPECT_EQ(search({{.text = "needle", .field = Field::kBody, .phrase = true}}), (Ids{a, second, third}));
  ASSERT_TRUE(take_out(a));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 10); }));
  EXPECT_EQ(search("needle"), (Ids{second, third}));
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(search("needle"), (Ids{second, third})) << "their words were read from the body again";
}

TEST_P(Search, AccountsDoNotSeeEachOther) {
  ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, 8, 0); }));
  file({.body = "needle\r\n"}, {}, 8);
  EXPECT_TRUE(find("needle").empty());
}

TEST_P(Search, WithoutAWordNothingIsFound) {
  file({});
  EXPECT_TRUE(find("").empty());
  EXPECT_TRUE(find(" .,! ").empty());
  EXPECT_TRUE(find(std::vector<Mailboxes::Term>{}).empty());
  EXPECT_EQ(find({{"...", Field::kAny}, {"hello", Field::kAny}}).size(), 1u) << "only what has words counts";
}

TEST_P(Search, ADamagedListIsSaidToBe) {
  const MessageId id = file({}).message;
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    return t.put(keys::words(kAccount, id),
                 "\x01\x05"
                 "ab"),
           Result<void>();
  }));
  EXPECT_EQ(boxes_->search(*store_, kAccount, {{.text = "x"}}).code(), Code::kCorrupt);
  EXPECT_EQ(boxes_->fold(kAccount).code(), Code::kCorrupt);
}

// --- folding

class Folding : public MailboxTest {
 protected:
  size_t segments() {
    const auto listed = list_segments(*store_, kAccount), there = scan_segments(*store_, kAccount);
    EXPECT_EQ(listed->size(), there->size());
    for (const Segment& segment : *there)
      EXPECT_TRUE(std::any_of(listed->begin(), listed->end(), [&](const Segment& s) { return s.id == segment.id; }));
    return listed->size();
  }
  size_t tail() { return keys_with(keys::in_account(kAccount, 'w').take()); }
  void fill(int count) {
    for (int n = 0; n < count; ++n, ++filled_)
      file({.subject = "s" + std::to_string(filled_ % 7),
            .body = "common n" + std::to_string(filled_) + " m" + std::to_string(filled_ % 13) + "\r\n"});
  }
  void expect_all_found() {
    EXPECT_EQ(search("common").size(), static_cast<size_t>(filled_));
    for (int n = 0; n < filled_; n += 5) {
      const auto found = search({{.text = "n" + std::to_string(n), .prefix = false}});
      ASSERT_EQ(found, (std::vector<MessageId>{static_cast<MessageId>(n + 1)}));
    }
    EXPECT_EQ(
        search({{.text = "s3", .field = Field::kSubject, .prefix = false}, {.text = "m3", .prefix = false}}).size(),
        static_cast<size_t>((filled_ + 7 * 13 - 1 - 3) / (7 * 13)));
  }
  int filled_ = 0;
};

TEST_F(Folding, TakesWhatWaitsAndMergesLikeSizes) {
  for (int round = 0; round < 20; ++round) {
    fill(10);
    EXPECT_EQ(boxes_->fold(kAccount, 4).value(), 4u);
    expect_all_found();
  }
  EXPECT_EQ(tail(), 120u);
  while (boxes_->fold(kAccount, 4).value() > 0) EXPECT_LT(segments(), 24u);
  EXPECT_EQ(tail(), 0u);
  EXPECT_LT(segments(), 20u);
  expect_all_found();
  EXPECT_EQ(boxes_->fold(kAccount).value(), 0u);
}

TEST_F(Folding, AnAccountWithoutAListOfSegmentsGetsOne) {  // store format 3
  fill(6);
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(boxes_->fold(kAccount, 1));
  const std::string list = keys::in_account(kAccount, 'l').take();
  EXPECT_EQ(keys_with(list), 1u);
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> { return t.erase(list), Result<void>(); }));
  expect_all_found();
  EXPECT_EQ(segments(), 3u);
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(keys_with(list), 1u);
  EXPECT_EQ(segments(), 4u);
  expect_all_found();
}

TEST_F(Folding, AMergeLeavesOutWhatWasPurged) {
  fill(7);
  for (int n = 0; n < 7; ++n) ASSERT_TRUE(boxes_->fold(kAccount, 1));
  EXPECT_EQ(segments(), 7u);
  ASSERT_TRUE(take_out(3));
  ASSERT_TRUE(take_out(4));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 1); }));
  fill(1);
  ASSERT_TRUE(boxes_->fold(kAccount));
  ASSERT_EQ(segments(), 1u);
  const auto segment = list_segments(*store_, kAccount)->front();
  std::set<MessageId> there;
  ASSERT_TRUE(read_postings(*store_, kAccount, segment, "bcommon", false,
                            [&](std::string_view, const Posting& p) { there.insert(p.message); }));
  EXPECT_EQ(there, (std::set<MessageId>{1, 2, 4, 5, 6, 7, 8})) << "4 waits in its undelete window";
}

TEST_F(Folding, AnInterruptedMergeIsClearedAway) {
  fill(3);
  ASSERT_TRUE(boxes_->fold(kAccount));
  const std::string block = keys::in_account(kAccount, 'g').u64(UINT64_MAX).u32(1).take();
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> { return t.put(block, "half a merge"), Result<void>(); }));
  expect_all_found();
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(keys_with(block), 0u);
  expect_all_found();
}

TEST_F(Folding, ASnapshotTakenBeforeAMergeIsSearchedAsItWas) {
  fill(8);
  for (int n = 0; n < 7; ++n) ASSERT_TRUE(boxes_->fold(kAccount, 1));
  const auto before = store_->snapshot();
  ASSERT_TRUE(boxes_->fold(kAccount, 1));
  EXPECT_EQ(segments(), 1u);
  EXPECT_EQ(boxes_->search(*before, kAccount, {{.text = "common"}})->size(), 8u);
}

TEST_F(Folding, ARemovedAccountIsNotFoldedBackIntoLife) {
  fill(3);
  ASSERT_TRUE(
      run([&](store::Transaction& t) -> Result<void> { return t.erase(keys::state(kAccount)), Result<void>(); }));
  EXPECT_EQ(boxes_->fold(kAccount).code(), Code::kNotFound);
  EXPECT_EQ(segments(), 0u);
  EXPECT_TRUE(boxes_->accounts_to_fold(1)->empty());
}

TEST_F(Folding, AccountsWithALongTailAreNamedAlsoAfterARestart) {
  for (AccountId a = 20; a < 25; ++a) ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, a, 0); }));
  EXPECT_TRUE(boxes_->accounts_to_fold(1)->empty());
  fill(5);
  for (int n = 0; n < 3; ++n) file({}, {}, 22);
  EXPECT_EQ(*boxes_->accounts_to_fold(1), (std::vector<AccountId>{kAccount, 22}));
  EXPECT_EQ(*boxes_->accounts_to_fold(4), (std::vector<AccountId>{kAccount}));
  open();
  EXPECT_EQ(*boxes_->accounts_to_fold(3), (std::vector<AccountId>{kAccount, 22}));
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(*boxes_->accounts_to_fold(3), (std::vector<AccountId>{22}));
  fill(2);
  EXPECT_EQ(*boxes_->accounts_to_fold(2), (std::vector<AccountId>{kAccount, 22}));
  // Filings that were not written count for nothing.
  for (int n = 0; n < 5; ++n) {
    const auto prepared = prepare(text_of({}));
    EXPECT_FALSE(run([&](store::Transaction& t) -> Result<void> {
      const auto filed = boxes_->file(t, 23, *prepared, 1, {});
      return filed ? Error{Code::kDenied, "no"} : filed.error();
    }));
  }
  EXPECT_EQ(*boxes_->accounts_to_fold(1), (std::vector<AccountId>{kAccount, 22}));
  file({}, {}, 23);
  EXPECT_EQ(*boxes_->accounts_to_fold(1), (std::vector<AccountId>{kAccount, 22, 23}));
}

TEST_F(Folding, WhileMailArrivesAndIsSearchedNothingIsMissed) {
  std::atomic<bool> over = false;
  std::atomic<uint64_t> filed = 0;
  std::thread folder([&] {
    while (!over) {
      EXPECT_TRUE(boxes_->accounts_to_fold(1));
      EXPECT_TRUE(boxes_->fold(kAccount, 3));
    }
  });
  std::thread seeker([&] {
    while (!over) {
      const uint64_t at_least = filed;
      EXPECT_GE(search("common").size(), at_least);
    }
  });
  for (int n = 0; n < 60; ++n) {
    fill(1);
    ++filed;
  }
  over = true;
  folder.join();
  seeker.join();
  expect_all_found();
}

TEST_F(Folding, ManyHitsAreCheckedAsAFewAre) {
  const auto prepared = prepare(text_of({.body = "common\r\n"}));
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    const BodyId body = boxes_->new_body_id();
    if (const auto put = boxes_->put_body(t, body, *prepared); !put) return put;
    for (int n = 0; n < 700; ++n)
      if (const auto filed = boxes_->file(t, kAccount, *prepared, body, {}); !filed) return filed.error();
    return {};
  }));
  ASSERT_TRUE(boxes_->fold(kAccount));
  EXPECT_EQ(search("common").size(), 700u);
  for (MessageId id = 1; id <= 100; ++id) ASSERT_TRUE(take_out(id * 7));
  EXPECT_EQ(search("common").size(), 600u);
  for (const MessageId id : search("common")) EXPECT_NE(id % 7, 0u);
}

}  // namespace
}  // namespace pabal::mailbox
