#include "mailbox/query.h"

#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;
using Ids = std::vector<MessageId>;

// A tree as text: (and text:a (or from:b from:c)).
std::string drawn(const Query& q) {
  static const std::map<Op, std::string> kNames = {
      {Op::kAll, "all"},        {Op::kNone, "none"},     {Op::kAnd, "and"},         {Op::kOr, "or"},
      {Op::kNot, "not"},        {Op::kText, "text"},     {Op::kSubject, "subject"}, {Op::kFrom, "from"},
      {Op::kTo, "to"},          {Op::kCc, "cc"},         {Op::kBcc, "bcc"},         {Op::kList, "list"},
      {Op::kDeliveredTo, "dt"}, {Op::kMessageId, "id"},  {Op::kFilename, "file"},   {Op::kAround, "around"},
      {Op::kAttachment, "att"}, {Op::kUserLabels, "ul"}, {Op::kFlag, "flag"},       {Op::kLabel, "label"},
      {Op::kAnywhere, "any"},   {Op::kLarger, "larger"}, {Op::kSmaller, "smaller"}, {Op::kSince, "since"},
      {Op::kBefore, "before"},  {Op::kBody, "body"},     {Op::kKeyword, "keyword"}};
  std::string out = kNames.at(q.op);
  if (!q.text.empty()) out += ":" + q.text + (q.prefix ? "*" : "");
  if (q.op == Op::kFlag) out += ":" + std::to_string(q.flag);
  if (q.op == Op::kLarger || q.op == Op::kSmaller || q.op == Op::kAround) out += ":" + std::to_string(q.number);
  if (q.op == Op::kSince || q.op == Op::kBefore) out += ":" + std::to_string(to_micros(q.time) / 86'400'000'000);
  if (q.children.empty()) return out;
  for (const Query& child : q.children) out += " " + drawn(child);
  return "(" + out + ")";
}

constexpr int64_t kDay = 20'000;  // 2024-10-04
std::string parse(std::string_view text) {
  const auto query = parse_query(text, from_unix(kDay * 86'400));
  if (!query) return "refused";
  return query->children.size() == 1 ? drawn(query->children[0]) : drawn(*query);
}

TEST(QueryParse, TermsStandTogether) {
  EXPECT_EQ(parse(""), "and");
  EXPECT_EQ(parse("a b"), "(and text:a text:b)");
  EXPECT_EQ(parse("a OR b c"), "(and (or text:a text:b) text:c)");
  EXPECT_EQ(parse("a b OR c OR d"), "(and text:a (or text:b text:c text:d))");
  EXPECT_EQ(parse("{a b}"), "(or text:a text:b)");
  EXPECT_EQ(parse("a | b"), "(or text:a text:b)");
  EXPECT_EQ(parse("a AND b"), "(and text:a text:b)");
  EXPECT_EQ(parse("(a b) OR c"), "(or (and text:a text:b) text:c)");
  EXPECT_EQ(parse("-a -from:b"), "(and (not text:a) (not from:b))");
  EXPECT_EQ(parse("-(a b)"), "(not (and text:a text:b))");
  EXPECT_EQ(parse("\"a b\" +c"), "(and text:a b text:c)");
  EXPECT_EQ(parse("dinner AROUND 5 friday"), "(around:5 text:dinner text:friday)");
  EXPECT_EQ(parse("a AROUND b"), "(around:5 text:a text:b)");
  EXPECT_EQ(parse("or and ORDER"), "(and text:or text:and text:ORDER)") << "operators are in capitals";
}

TEST(QueryParse, OperatorsTakeWordsPhrasesAndGroups) {
  EXPECT_EQ(parse("from:amy"), "from:amy");
  EXPECT_EQ(parse("FROM:amy"), "from:amy");
  EXPECT_EQ(parse("from: amy"), "from:amy");
  EXPECT_EQ(parse("subject:\"big news\""), "subject:big news");
  EXPECT_EQ(parse("subject:(dinner movie)"), "(and subject:dinner subject:movie)");
  EXPECT_EQ(parse("from:{a b}"), "(or from:a from:b)");
  EXPECT_EQ(parse("to:(-a OR b)"), "(or (not to:a) to:b)");
  EXPECT_EQ(parse("cc:a bcc:b list:c deliveredto:d rfc822msgid:e filename:f"),
            "(and cc:a bcc:b list:c dt:d id:e file:f)");
  EXPECT_EQ(parse("has:attachment has:userlabels has:nouserlabels has:yellow-star"), "(and att ul (not ul) none)");
  EXPECT_EQ(parse("is:unread is:read is:starred is:important is:chat"),
            "(and (not flag:1) flag:1 flag:4 label:important none)");
  EXPECT_EQ(parse("in:sent label:work-stuff category:social in:anywhere in:starred"),
            "(and label:sent label:work-stuff keyword:$category_social any flag:4)");
  EXPECT_EQ(parse("http://x.org note:this"), "(and text:http://x.org text:note:this)") << "no operators";
}

TEST(QueryParse, AStarBehindAWordIsItsBeginning) {
  EXPECT_EQ(parse("meet* from:am* \"a*\" *"), "(and text:meet* from:am* text:a* text:*)");
  EXPECT_TRUE(parse_query("meet*", {})->children[0].prefix);
  EXPECT_FALSE(parse_query("\"a*\"", {})->children[0].prefix) << "in quotes it is text";
}

TEST(QueryParse, TextConditionsOfJmapAreWordsAndPhrases) {
  const auto text = [](std::string_view s) {
    const auto query = text_query(Op::kBody, s);
    return query ? drawn(*query) : "refused";
  };
  EXPECT_EQ(text("foo bar"), "(and body:foo body:bar)");
  EXPECT_EQ(text("foo"), "body:foo");
  EXPECT_EQ(text(" 'foo bar'  \"b c\" don't "), "(and body:foo bar body:b c body:don't)");
  EXPECT_EQ(text(R"("a \"b\" c" 'it\'s')"), "(and body:a \"b\" c body:it's)");
  EXPECT_EQ(text("\"never closed"), "(and body:\"never body:closed)");
  EXPECT_EQ(text("from:amy OR"), "(and body:from:amy body:OR)") << "no language";
  EXPECT_EQ(text("a - b"), "(and body:a body:b)");
  EXPECT_EQ(text("--"), "none");
  EXPECT_EQ(text(""), "and");
  EXPECT_EQ(text("\"\""), "none");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a ";
  EXPECT_EQ(text(many), "refused");
}

TEST(QueryParse, NumbersAndDates) {
  EXPECT_EQ(parse("larger:10M smaller:5k size:1000 larger:x"), "(and larger:10485760 smaller:5120 larger:1000 none)");
  EXPECT_EQ(parse("after:2004/04/16 before:2004-04-18 older:04/16/2004"),
            "(and since:12524 before:12526 before:12524)");
  EXPECT_EQ(parse("after:1388552400"), "since:16071");
  EXPECT_EQ(parse("newer_than:2d older_than:1y newer_than:3m"), "(and since:19998 before:19634 since:19908)");
  EXPECT_EQ(parse("after:2004/13/40 newer_than:x older_than:999999d before:"), "(and none none none)");
}

TEST(QueryParse, TakesWhateverIsWritten) {
  EXPECT_EQ(parse(") a ( b"), "(and text:a text:b)");
  EXPECT_EQ(parse("\"never closed"), "text:never closed");
  EXPECT_EQ(parse("OR a OR"), "text:a");
  EXPECT_EQ(parse("- -"), "(and text:- text:-)");
  EXPECT_EQ(parse("()"), "and");
  EXPECT_EQ(parse("from:()"), "and");
  EXPECT_EQ(parse(std::string(100, '(') + "a"), "refused");
  EXPECT_EQ(parse(std::string(100, '-') + "a"), "refused");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a ";
  EXPECT_EQ(parse(many), "refused");
}

class QueryFind : public MailboxTest, public testing::WithParamInterface<bool> {
 protected:
  Ids ask(std::string_view text, QueryScope scope = {}) {
    if (GetParam()) { EXPECT_TRUE(boxes_->fold(kAccount)); }
    const auto query = parse_query(text, clock_.now());
    if (!query) return {};
    const auto found = mailbox::find(*boxes_, *store_->snapshot(), kAccount, *query, scope);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Ids{};
  }
};
INSTANTIATE_TEST_SUITE_P(Waiting, QueryFind, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Folded, QueryFind, testing::Values(true));

TEST_P(QueryFind, FindsWhatTheTermsSay) {
  const MessageId a = file({.subject = "Dinner plans",
                            .from = "Amy <amy@x.org>",
                            .to = "me@univ.edu",
                            .body = "meet on friday for the dinner\r\n",
                            .id = "a@x"})
                          .message;
  const MessageId b = file({.subject = "Movie", .from = "bob@x.org", .to = "amy@x.org", .body = "friday\r\n"}).message;
  const std::string attached =
      "From: carol@x.org\r\nSubject: report\r\nCc: dave@x.org\r\nBcc: eve@x.org\r\nList-Id: <dev.lists.x.org>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee invoice\r\n--b\r\n"
      "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"invoice 7.pdf\"\r\n\r\n" +
      std::string(3'000, 'x') + "\r\n--b--\r\n";
  const MessageId c = try_file(attached)->message;
  EXPECT_EQ(ask(""), (Ids{a, b, c}));
  EXPECT_EQ(ask("friday"), (Ids{a, b}));
  EXPECT_EQ(ask("frida"), Ids{}) << "words, not parts";
  EXPECT_EQ(ask("from:amy"), (Ids{a}));
  EXPECT_EQ(ask("to:amy@x.org"), (Ids{b}));
  EXPECT_EQ(ask("from:me", {{"bob@x.org"}, false}), (Ids{b}));
  EXPECT_EQ(ask("subject:(dinner plans) OR subject:movie"), (Ids{a, b}));
  EXPECT_EQ(ask("friday -from:amy"), (Ids{b}));
  EXPECT_EQ(ask("-friday"), (Ids{c}));
  EXPECT_EQ(ask("has:attachment"), (Ids{c}));
  EXPECT_EQ(ask("filename:pdf"), (Ids{c}));
  EXPECT_EQ(ask("filename:\"invoice 7\""), (Ids{c}));
  EXPECT_EQ(ask("filename:see"), Ids{}) << "that is of the text";
  EXPECT_EQ(ask("larger:2k"), (Ids{c}));
  EXPECT_EQ(ask("smaller:2k"), (Ids{a, b}));
  EXPECT_EQ(ask("cc:dave"), (Ids{c}));
  EXPECT_EQ(ask("bcc:eve"), (Ids{c}));
  EXPECT_EQ(ask("list:dev.lists.x.org"), (Ids{c}));
  EXPECT_EQ(ask("rfc822msgid:a@x"), (Ids{a}));
  EXPECT_EQ(ask("rfc822msgid:<a@x>"), (Ids{a}));
  EXPECT_EQ(ask("friday AROUND 3 dinner"), (Ids{a}));
  EXPECT_EQ(ask("meet AROUND 2 dinner"), Ids{});
  EXPECT_EQ(ask("\"for the dinner\""), (Ids{a}));
  EXPECT_EQ(ask("..."), Ids{});
}

TEST_P(QueryFind, LabelsFlagsAndDates) {
  const MailboxId work = make("Work/Big Project");
  const MessageId a = file({}).message, b = file_into(work).message, junk = file_into(named("Junk")).message;
  ASSERT_TRUE(flag(a, kSeen | kFlagged));
  EXPECT_EQ(ask("in:inbox"), (Ids{a}));
  EXPECT_EQ(ask("label:work-big-project"), (Ids{b}));
  EXPECT_EQ(ask("label:\"Work/Big Project\""), (Ids{b}));
  EXPECT_EQ(ask("has:userlabels"), (Ids{b}));
  EXPECT_EQ(ask("label:none"), Ids{});
  EXPECT_EQ(ask("is:unread"), (Ids{b})) << "not the one in Junk";
  EXPECT_EQ(ask("is:starred"), (Ids{a}));
  EXPECT_EQ(ask("in:spam"), (Ids{junk}));
  EXPECT_EQ(ask("in:anywhere is:unread"), (Ids{b, junk}));
  EXPECT_EQ(ask("is:unread", {{}, true}), (Ids{b, junk}));
  EXPECT_EQ(ask("newer_than:1d"), (Ids{a, b}));
  clock_.advance(days(3));
  EXPECT_EQ(ask("newer_than:1d"), Ids{});
  EXPECT_EQ(ask("older_than:2d"), (Ids{a, b}));
  ASSERT_TRUE(take_out(a));
  EXPECT_EQ(ask("older_than:2d"), (Ids{b})) << "what was removed is not found";
}

Query leaf(Op op, std::string text = {}) {
  Query out;
  out.op = op;
  out.text = std::move(text);
  return out;
}

TEST_P(QueryFind, ConditionsOfJmap) {
  const MailboxId work = make("Work");
  const MessageId a = try_file(
                          "From: amy@x.org\r\nSubject: one\r\nX-Priority: 1 urgent\r\nReply-To: team@x.org\r\n\r\n"
                          "lunch tomorrow\r\n")
                          ->message;
  const MessageId b = file({.subject = "lunch", .body = "nothing\r\n", .id = "b@x"}).message;
  const MessageId c = file({.subject = "Re: lunch", .body = "fine\r\n", .in_reply_to = "<b@x>"}).message;
  const MessageId d = file_into(work, {.subject = "other"}).message;
  ASSERT_TRUE(run([&](auto& t) { return boxes_->add_place(t, kAccount, a, work); }));
  ASSERT_TRUE(edit_flags(b, [](Flags& f) { f = {kFlagged, {"Todo"}}; }));
  ASSERT_TRUE(edit_flags(c, [](Flags& f) { f = {kSeen, {"todo"}}; }));
  const auto found = [&](const Query& query) {
    if (GetParam()) { EXPECT_TRUE(boxes_->fold(kAccount)); }
    const auto ids = mailbox::find(*boxes_, *store_->snapshot(), kAccount, query, {{}, true, {}});
    EXPECT_TRUE(ids) << ids.error().message;
    return ids ? *ids : Ids{};
  };
  EXPECT_EQ(found(leaf(Op::kBody, "lunch")), (Ids{a}));
  EXPECT_EQ(found(leaf(Op::kText, "lunch")), (Ids{a, b, c}));
  const auto header = [&](std::string name, std::string text) {
    Query query = leaf(Op::kHeader, std::move(text));
    query.name = std::move(name);
    return found(query);
  };
  EXPECT_EQ(header("Reply-To", ""), (Ids{a}));
  EXPECT_EQ(header("reply-to", "team"), (Ids{a}));
  EXPECT_EQ(header("Reply-To", "lunch"), Ids{});
  EXPECT_EQ(header("X-Priority", "urgent"), (Ids{a})) << "a field that is not in the index";
  EXPECT_EQ(header("In-Reply-To", ""), (Ids{c}));
  const auto boxes = [&](Op op, std::vector<MailboxId> ids) {
    Query query = leaf(op);
    query.mailboxes = std::move(ids);
    return found(query);
  };
  EXPECT_EQ(boxes(Op::kMailbox, {work}), (Ids{a, d}));
  EXPECT_EQ(boxes(Op::kMailbox, {1, work}), (Ids{a, b, c, d}));
  EXPECT_EQ(boxes(Op::kMailbox, {99}), Ids{});
  EXPECT_EQ(boxes(Op::kMailboxBeside, {1}), (Ids{a, d}));
  EXPECT_EQ(boxes(Op::kMailboxBeside, {1, work}), Ids{});
  EXPECT_EQ(found(leaf(Op::kKeyword, "ToDo")), (Ids{b, c}));
  EXPECT_EQ(found(leaf(Op::kKeyword, "$seen")), (Ids{c}));
  EXPECT_EQ(found(leaf(Op::kThreadAll, "todo")), (Ids{b, c}));
  EXPECT_EQ(found(leaf(Op::kThreadAll, "$Flagged")), Ids{});
  EXPECT_EQ(found(leaf(Op::kThreadSome, "$flagged")), (Ids{b, c}));
  Query not_some = leaf(Op::kNot);
  not_some.children.push_back(leaf(Op::kThreadSome, "$flagged"));
  EXPECT_EQ(found(not_some), (Ids{a, d}));
}

// Many messages, so that a page is less than what is found, and rows are read for what they tell.
class QueryPage : public MailboxTest {
 protected:
  static constexpr size_t kMany = 3'000;
  QueryPage() {
    const auto prepared = prepare(text_of({.subject = "even", .body = "common word\r\n"}));
    const auto odd = prepare(text_of({.subject = "odd", .body = "common word\r\n"}));
    for (size_t n = 0; n < kMany; n += 500)
      EXPECT_TRUE(run([&](store::Transaction& t) -> Result<void> {
        for (size_t i = n; i < n + 500; ++i) {
          const auto& one = i % 2 == 0 ? prepared : odd;
          const BodyId body = boxes_->new_body_id();
          if (const auto put = boxes_->put_body(t, body, *one); !put) return put;
          if (const auto filed = boxes_->file(t, kAccount, *one, body, {}); !filed) return filed.error();
        }
        return {};
      }));
  }
  FoundPage page(std::string_view text, PageWanted wanted) {
    const auto found = find_page(*boxes_, *store_->snapshot(), kAccount, *parse_query(text, clock_.now()), {}, wanted);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : FoundPage{};
  }
};

TEST_F(QueryPage, IsTheNewestAndTheNextIsOlder) {
  EXPECT_EQ(page("common", {.limit = 3}).ids, (Ids{kMany, kMany - 1, kMany - 2}));
  EXPECT_EQ(page("subject:odd", {.limit = 2}).ids, (Ids{kMany, kMany - 2})) << "ids begin with 1";
  const FoundPage next = page("subject:odd", {.limit = 2, .before = kMany - 2});
  EXPECT_EQ(next.ids, (Ids{kMany - 4, kMany - 6}));
  EXPECT_TRUE(next.more);
  const FoundPage last = page("", {.limit = 5, .before = 4});
  EXPECT_EQ(last.ids, (Ids{3, 2, 1}));
  EXPECT_FALSE(last.more);
  EXPECT_EQ(page("", {.limit = 3, .before = 4}).more, false) << "just as many as there are";
  EXPECT_TRUE(page("absent", {}).ids.empty());
  EXPECT_TRUE(page("common", {.limit = 0}).ids.empty());
}

TEST_F(QueryPage, EveryPageTogetherIsWhatFindFinds) {
  ASSERT_TRUE(flag(10, kFlagged));
  ASSERT_TRUE(flag(2'990, kFlagged));
  ASSERT_TRUE(take_out(2'000));
  for (const std::string_view text :
       {"common", "subject:odd -is:starred", "is:starred", "larger:1 subject:even", "-larger:1",
        "in:inbox {subject:even is:starred}", "before:2000/1/1", "word -common"}) {
    const auto all = mailbox::find(*boxes_, *store_->snapshot(), kAccount, *parse_query(text, clock_.now()), {});
    ASSERT_TRUE(all);
    Ids paged;
    PageWanted wanted{.limit = 700};
    for (bool more = true; more;) {
      const FoundPage found = page(text, wanted);
      paged.insert(paged.end(), found.ids.begin(), found.ids.end());
      more = found.more;
      if (more) wanted.before = found.ids.back();
    }
    std::reverse(paged.begin(), paged.end());
    EXPECT_EQ(paged, *all) << text;
    EXPECT_EQ(page(text, {.limit = 1, .total = true}).total, all->size()) << text;
    EXPECT_FALSE(page(text, {.limit = 1, .total = true}).is_estimate) << text;
  }
}

TEST_F(QueryPage, EstimatesHowManyThereAre) {
  const FoundPage all = page("common", {.limit = 10});
  EXPECT_TRUE(all.is_estimate);
  EXPECT_EQ(all.total, kMany);
  const FoundPage half = page("in:inbox subject:odd", {.limit = 10});
  EXPECT_EQ(half.total, kMany / 2);
  const FoundPage few = page("rare", {.limit = 10});
  EXPECT_FALSE(few.is_estimate);
  EXPECT_EQ(few.total, 0u);
  const FoundPage third = page("smaller:100k", {.limit = 10, .before = 50});
  EXPECT_TRUE(third.is_estimate);
  EXPECT_NEAR(static_cast<double>(third.total), static_cast<double>(kMany), kMany * 0.05);
}

}  // namespace
}  // namespace pabal::mailbox
