#include <gtest/gtest.h>

#include <ctime>

#include "message/corpus_test.h"
#include "message/tree_test.h"

namespace pabal::message {
namespace {

// The tree in one line: "multipart/mixed(text/plain message/rfc822(text/plain))".
std::string shape(const Part& p) {
  std::string out = p.type + "/" + p.subtype;
  for (const Part& child : p.children) out += (&child == &p.children.front() ? "(" : " ") + shape(child);
  return p.children.empty() ? out : out + ")";
}

Message checked(std::string_view bytes) {
  Message m = parse(bytes);
  EXPECT_EQ(broken_promise(bytes, m), "") << text::printable(bytes);
  return m;
}

std::string repeated(std::string_view s, size_t times) {
  std::string out;
  out.reserve(s.size() * times);
  for (size_t i = 0; i < times; ++i) out += s;
  return out;
}

TEST(Parse, PartsHaveTheOffsetsLinesAndOctetsThatImapReports) {
  const std::string bytes =
      "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\npreamble\r\n"
      "--B\r\n\r\nfirst\r\nline\r\n"
      "--B\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\nworld\r\n\r\n"
      "--B\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n--B--\r\nepilogue\r\n";
  const Message m = checked(bytes);
  ASSERT_EQ(shape(m.root), "multipart/mixed(text/plain message/rfc822(text/plain) image/png)");
  EXPECT_EQ(m.root.header(bytes), bytes.substr(0, bytes.find("preamble")));
  EXPECT_EQ(m.root.body(bytes), bytes.substr(bytes.find("preamble")));
  const Part &first = m.root.children[0], &embedded = m.root.children[1], &image = m.root.children[2];
  EXPECT_EQ(first.header(bytes), "\r\n");
  EXPECT_EQ(first.body(bytes), "first\r\nline");  // RFC 2046 §5.1.1: the last line end is the boundary's
  EXPECT_EQ(first.body_lines, 2u);
  EXPECT_EQ(embedded.body(bytes), "Subject: inner\r\n\r\nhello\r\nworld\r\n");
  EXPECT_EQ(embedded.body_lines, 4u);
  const Part& inner = embedded.children[0];
  EXPECT_EQ(inner.header(bytes), "Subject: inner\r\n\r\n");
  EXPECT_EQ(inner.body(bytes), "hello\r\nworld\r\n");
  EXPECT_EQ(inner.body_lines, 2u);
  ASSERT_TRUE(inner.summary);
  EXPECT_EQ(inner.summary->subject, "inner");
  EXPECT_EQ(image.body(bytes), "");
  EXPECT_EQ(image.encoding, "base64");
}

TEST(Parse, EveryLineEndGivesTheSameTree) {
  const std::string lf =
      "Subject: x\nContent-Type: multipart/alternative; boundary=\"b b\"\n\n--b b\n\none\n--b b  \t\nContent-Type: "
      "text/html\n\n<p>two\n\n--b b--\n";
  for (const std::string& bytes : {lf, corpus::with_crlf(lf)}) {
    const Message m = checked(bytes);
    ASSERT_EQ(shape(m.root), "multipart/alternative(text/plain text/html)");
    EXPECT_EQ(m.root.children[0].body(bytes), "one");
    EXPECT_EQ(corpus::with_lf(m.root.children[1].body(bytes)), "<p>two\n");
    EXPECT_EQ(m.bare_lf, &bytes == &lf || bytes.find('\r') == bytes.npos);
    EXPECT_FALSE(m.bare_cr);
  }
  // CR alone ends no line (RFC 5321 §2.3.8): all of it is one field.
  const Message cr = checked("Subject: x\rTo: y@z\r\rbody");
  EXPECT_TRUE(cr.bare_cr);
  EXPECT_EQ(cr.root.body_size, 0u);
  EXPECT_EQ(cr.summary.subject, "xTo: y@zbody");
}

TEST(Parse, AMessageWithoutHeaderIsItsBody) {
  for (const std::string_view bytes :
       {"", "\r\n", "\n", "hello", "hello\r\nthere\r\n", " hello: x", "\r\nhello", ":", "--", "--\r\n", "\0\0"}) {
    const Message m = checked(bytes);
    EXPECT_EQ(shape(m.root), "text/plain");
  }
  const Message m = checked("Dear Bob,\r\n\r\nsee you: soon\r\n");
  EXPECT_EQ(m.root.header_size, 0u);
  EXPECT_EQ(m.root.body_lines, 3u);
}

TEST(Parse, ABrokenHeaderLineLosesNeitherTheHeaderNorTheBody) {
  const std::string one = "Subject: x\r\nthis is no field\r\nTo: y@z\r\n\r\nbody\r\n";
  const Message m = checked(one);
  EXPECT_EQ(m.root.body(one), "body\r\n");
  EXPECT_EQ(m.summary.to.size(), 1u);
  const std::string missing = "Subject: x\r\nHello Bob\r\nhow are you?\r\n\r\nbye\r\n";  // no blank line
  EXPECT_EQ(checked(missing).root.body(missing), "Hello Bob\r\nhow are you?\r\n\r\nbye\r\n");
  const std::string last = "Subject: x\r\nHello Bob\r\n\r\nbye";
  EXPECT_EQ(checked(last).root.body(last), "Hello Bob\r\n\r\nbye");
}

TEST(Parse, TheMissingEndsAreSupplied) {
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo").root),
            "multipart/mixed(text/plain text/plain)");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n").root),
            "multipart/mixed(text/plain)");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=b\n\n--b").root), "multipart/mixed");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=b\n\nno boundary at all").root), "multipart/mixed");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed\n\n--b\n\nx\n--b--").root), "multipart/mixed");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----").root), "multipart/mixed");
  EXPECT_EQ(shape(checked("Content-Type: multipart/mixed; boundary=\"  \"\n\n--\n\nx\n----").root), "multipart/mixed");
  // RFC 2046 §5.1.2: the outer boundary ends the inner parts.
  const std::string outer =
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
      "boundary=i\n\n--i\n\nx\n--o\n\ny\n--o--\n";
  EXPECT_EQ(shape(checked(outer).root), "multipart/mixed(multipart/mixed(text/plain) text/plain)");
  // A header that runs into a boundary.
  const std::string cut =
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/html\n--o\nContent-Type: "
      "message/rfc822\n--o\n\nz\n--o--\n";
  const Message m = checked(cut);
  ASSERT_EQ(shape(m.root), "multipart/mixed(text/html message/rfc822(text/plain) text/plain)");
  EXPECT_EQ(m.root.children[0].body_size, 0u);
  // The same where one boundary ends three levels: the line end is the innermost header's.
  const std::string three =
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nContent-Type: "
      "multipart/mixed; boundary=i\n--o--\n";
  EXPECT_EQ(shape(checked(three).root), "multipart/mixed(message/rfc822(multipart/mixed))");
  // A boundary that looks like a field.
  EXPECT_EQ(
      shape(checked("Content-Type: multipart/mixed; boundary=\"a: b\"\n\n--a: b\nX: y\n--a: b\n\nz\n--a: b--\n").root),
      "multipart/mixed(text/plain text/plain)");
}

TEST(Parse, BoundariesThatArePrefixesOfEachOtherAreTold) {
  const std::string bytes =
      "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; "
      "boundary=xy\n\n--xy\nContent-Type: multipart/mixed; boundary=x--\n\n"
      "--x--\n\none\n--xyz\n--x----\n--xy\n\ntwo\n--xy--\n--x\n\nthree\n--x--\n";
  const Message m = checked(bytes);
  ASSERT_EQ(shape(m.root), "multipart/mixed(multipart/mixed(multipart/mixed(text/plain) text/plain) text/plain)");
  EXPECT_EQ(m.root.children[0].children[0].children[0].body(bytes), "one\n--xyz");
  // One boundary at three levels: the innermost first (GMime's torture).
  const std::string same =
      "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; "
      "boundary=x\n\n--x\n\none\n--x--\n--x\n\ntwo\n--x--\n";
  EXPECT_EQ(shape(checked(same).root), "multipart/mixed(multipart/mixed(text/plain) text/plain)");
}

TEST(Parse, ADigestHoldsMessages) {
  const std::string bytes =
      "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\nContent-Type: "
      "text/plain\n\n2\n--b--\n";
  const Message m = checked(bytes);
  ASSERT_EQ(shape(m.root), "multipart/digest(message/rfc822(text/plain) text/plain)");
  EXPECT_EQ(m.root.children[0].children[0].summary->subject, "one");
}

TEST(Parse, ACodedEmbeddedMessageStaysClosed) {
  const Message m =
      checked("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQo=\n");
  EXPECT_EQ(shape(m.root), "message/rfc822");
  EXPECT_FALSE(m.truncated);
}

TEST(Parse, BadTypesAreTextPlain) {
  for (const char* type : {"", ";", "text", "/", "text/", "/plain", "=?utf-8?q?text/html?=", "; charset=utf-8"})
    EXPECT_EQ(shape(checked("Content-Type: " + std::string(type) + "\n\nx").root), "text/plain") << type;
  EXPECT_EQ(shape(checked("content-TYPE : TEXT / HTML (comment); Charset=x\n\nx").root), "text/html");
  EXPECT_EQ(shape(checked("Content-Type: text/html, text/plain\n\nx").root), "text/html");
  EXPECT_EQ(shape(checked("Content-Type: text/html\nContent-Type: text/calendar\n\nx").root),
            "text/html");  // the first
}

TEST(Parse, SummaryHasWhatTheEnvelopeNeeds) {
  const Message m = checked(
      "Date: Tue, 24 Nov 2026\r\n 09:15:00 +0900\r\nSubject: =?utf-8?q?=ED=8C=8C=EB=B0=9C?=\r\n and more\r\nFrom: A "
      "<a@example.com>\r\nSender: b@example.com\r\n"
      "To: c@example.com\r\nto: d@example.com\r\nMessage-ID: <1@x>\r\nIn-Reply-To: <0@x> (yours)\r\nReferences: "
      "<r@x>\r\n <0@x>\r\n\r\n");
  const Summary& s = m.summary;
  EXPECT_EQ(s.date_raw, "Tue, 24 Nov 2026 09:15:00 +0900");
  ASSERT_TRUE(s.date);
  EXPECT_EQ(to_unix(*s.date), 1795479300);
  EXPECT_EQ(s.subject, "=?utf-8?q?=ED=8C=8C=EB=B0=9C?= and more");
  EXPECT_EQ(s.to.size(), 2u);
  EXPECT_EQ(s.in_reply_to, "<0@x> (yours)");
  EXPECT_EQ(s.references, (std::vector<std::string>{"<r@x>", "<0@x>"}));
  EXPECT_TRUE(s.reply_to.empty());
}

TEST(Parse, FlagsTellWhatTheOctetsNeed) {
  EXPECT_FALSE(parse("A: b\r\n\r\nc\r\n").has_8bit);
  EXPECT_TRUE(parse("A: b\r\n\r\n\xC3\xA9").has_8bit);
  EXPECT_FALSE(parse("A: b\r\n\r\n\xC3\xA9").utf8_headers);
  EXPECT_TRUE(parse("A: \xC3\xA9\r\n\r\n").utf8_headers);
  EXPECT_TRUE(parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: \xC3\xA9\r\n\r\n--b--").utf8_headers);
  EXPECT_TRUE(parse(std::string_view("A: b\r\n\r\n\0", 9)).has_nul);
  EXPECT_TRUE(parse("A: b\r\n\r\nc\n").bare_lf);
  EXPECT_TRUE(parse("A: b\r\n\r\nc\r").bare_cr);
  EXPECT_TRUE(parse("A: b\r\n\r\nc\rd\r\n").bare_cr);
}

// --- limits: what is beyond them is delivered as opaque octets ---

TEST(Limits, ThousandsOfNestedPartsAreOpaqueBeyondTheDepth) {
  std::string nested;
  for (int i = 0; i < 10'000; ++i)
    nested += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\n\n--b" + std::to_string(i) + "\n";
  const Message m = checked(nested);
  EXPECT_TRUE(m.truncated);
  EXPECT_EQ(part_count(m.root), kMaxDepth);
  const Message messages = checked(repeated("Content-Type: message/rfc822\n\n", 10'000));
  EXPECT_TRUE(messages.truncated);
  EXPECT_EQ(part_count(messages.root), kMaxDepth);
  EXPECT_TRUE(decode(encode(messages)));
  const Message same = checked(repeated("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 10'000));
  EXPECT_TRUE(same.truncated);
}

TEST(Limits, PartsBeyondTheLastOneAreInTheBodyOnly) {
  const std::string bytes = "Content-Type: multipart/mixed; boundary=b\n\n" + repeated("--b\n\nx\n", 5'000) + "--b--\n";
  const Message m = checked(bytes);
  EXPECT_TRUE(m.truncated);
  EXPECT_EQ(part_count(m.root), kMaxParts);
  EXPECT_EQ(m.root.body_offset + m.root.body_size, bytes.size());
}

TEST(Limits, AnEndlessHeaderIsHeaderToItsEnd) {
  const std::string bytes = repeated("X-Field: value\r\n", 200'000) + "Subject: late\r\n\r\nbody";
  const Message m = checked(bytes);
  EXPECT_TRUE(m.truncated);
  EXPECT_EQ(m.summary.subject, "");
  EXPECT_EQ(m.root.body(bytes), "body");
  const std::string folds = "Subject: x\r\n" + repeated(" y\r\n", 500'000);
  EXPECT_TRUE(checked(folds).truncated);
}

TEST(Limits, ManyParametersAddressesAndReferencesAreCut) {
  std::string params = "Content-Type: text/plain", to = "To: ", refs = "References: ";
  for (int i = 0; i < 20'000; ++i) params += "; p" + std::to_string(i) + "=v";
  for (int i = 0; i < 20'000; ++i) to += "a@b,";
  for (int i = 0; i < 5'000; ++i) refs += "<" + std::to_string(i) + "@x> ";
  const Message m = checked(params + "\n" + to + "\n" + refs + "\n\n");
  EXPECT_EQ(m.root.params.size(), kMaxParams);
  EXPECT_EQ(m.summary.to.size(), kMaxAddresses);
  ASSERT_EQ(m.summary.references.size(), kMaxReferences);
  EXPECT_EQ(m.summary.references.front(), "<0@x>");
  EXPECT_EQ(m.summary.references.back(), "<4999@x>");
  const auto again = decode(encode(m));
  ASSERT_TRUE(again);
  EXPECT_TRUE(same(*again, m));
}

// --- time: linear, whoever wrote the message ---

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(Torture, TenMegabytesOfAnyKindTakeLinearTime) {
  constexpr double kLimit = 60;  // some 0.1 are needed; what is quadratic would take hours on any machine
  constexpr size_t kSize = 10 << 20;
  const auto filled = [](std::string head, std::string_view filler) {
    return head + repeated(filler, kSize / filler.size());
  };
  std::string deep, deep_same_length;
  for (int i = 0; i < 99; ++i) {
    deep += "Content-Type: multipart/mixed; boundary=" + std::string(900, 'a') + std::to_string(i) + "\n\n--" +
            std::string(900, 'a') + std::to_string(i) + "\n";
    const std::string two = {static_cast<char>('A' + i / 10), static_cast<char>('a' + i % 10)};
    deep_same_length += "Content-Type: multipart/mixed; boundary=" + two + "\n\n--" + two + "\n";
  }
  const std::pair<const char*, std::string> cases[] = {
      {"no line end", filled("", "a")},
      {"empty lines", filled("", "\n")},
      {"fields", filled("", "A: b\n")},
      {"folds", filled("Subject: x\n", " \n")},
      {"broken lines with folds",
       filled("Content-Type: multipart/mixed; boundary=b\n\n", "--b\nA: x\nbroken\n \n \n \n")},
      {"dashes", filled(deep_same_length + "\n", "--\n")},
      {"near boundaries", filled(deep_same_length + "\n", "--zz\n")},
      {"long near boundaries", filled(deep + "\n", "--" + std::string(900, 'a') + "\n")},
      {"boundaries", filled("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n")},
      {"boundaries that are fields", filled("Content-Type: multipart/mixed; boundary=\"a:\"\n\n", "--a:\nb: c\n")},
      {"parts of headers",
       filled("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n" + repeated("A: b\n", 2'000))},
      {"digest", filled("Content-Type: multipart/digest; boundary=b\n\n", "--b\n\nSubject: x\n\nb\n")},
      {"one header", filled("Content-Type: text/plain; name=\"", "a")},
      {"addresses", filled("To: ", "a@b,")},
      {"at-signs", filled("To: ", "@")},
      {"colons", filled("To: a@b", ":")},
      {"angles", filled("To: ", "<a@b")},
      {"comments", filled("To: ", "(")},
      {"quotes", filled("To: ", "\"\" ")},
      {"groups", filled("To: ", "g:;")},
      {"word heads", filled("To: ", "=?,")},
      {"many To fields", filled("", "To: =?,=?,\"(\" <a@b> c:\n")},
      {"brackets", filled("To: ", "[")},
      {"references", filled("References: ", "<a@b>")},
      {"open references", filled("References: ", "<a")},
      {"parameters", filled("Content-Type: a/b", ";a*0*=b")},
      {"parameter comments", filled("Content-Type: a/b", ";(")},
      {"parameter quotes", filled("Content-Type: a/b", ";a=\"")},
      {"many types", filled("", "Content-Type: a/b;a=b;a*=c;(;\"\n")},
      {"dates", filled("", "Date: Tue, 24 Nov 2026 09:15:00 (((((\n")},
      {"NULs", filled("", std::string_view("\0", 1))},
      {"8-bit", filled("Subject: ", "\xFF")},
  };
  for (const auto& [name, bytes] : cases) {
    const double begin = cpu_seconds();
    const Message m = parse(bytes);
    const double parsed = cpu_seconds();
    EXPECT_LT(parsed - begin, kLimit) << name;
    EXPECT_EQ(broken_promise(bytes, m), "") << name;
    const double checked = cpu_seconds();
    const std::string record = encode(m);
    EXPECT_TRUE(decode(record)) << name;
    (void)all_text(bytes, m);
    (void)preview(bytes, m);
    EXPECT_LT(cpu_seconds() - checked, kLimit) << name;
  }
}

TEST(Parse, EveryPrefixOfAMessageKeepsThePromises) {
  const std::string lf =
      "From: a@b\nContent-Type: multipart/mixed; boundary=m\n\npre\n--m\nContent-Type: message/rfc822\n\nSubject: x\n"
      "Content-Type: multipart/digest; boundary=m2\n\n--m2\n\nTo: c@d\n\nbody\n--m2--\n--m\nbroken\n fold\nX: "
      "y\n\n--m--\nend";
  for (const std::string& bytes : {lf, corpus::with_crlf(lf)})
    for (size_t size = 0; size <= bytes.size(); ++size) checked(std::string_view(bytes).substr(0, size));
}

// --- every message of the shared data ---

TEST(Parse, EveryPublishedMessageKeepsThePromises) {
  PABAL_NEEDS_CORPUS("mail-parser");
  size_t messages = 0;
  for (const char* set : {"mime", "dkim", "dmarc", "crypto", "tlsrpt"})
    for (const auto& path : corpus::files(corpus::folder("..") / set)) {
      const std::string extension = path.extension().string();
      if (extension == ".json" || extension == ".xml" || extension == ".html" || extension == ".zip" ||
          extension == ".gz")
        continue;
      if (std::filesystem::file_size(path) > 2 << 20) continue;
      const std::string raw = corpus::read(path);
      for (const std::string& bytes : {raw, corpus::with_crlf(raw)}) {
        const Message m = parse(bytes);
        EXPECT_EQ(broken_promise(bytes, m), "") << path;
        const auto again = decode(encode(m));
        EXPECT_TRUE(again && same(*again, m)) << path;
        EXPECT_TRUE(text::is_utf8(all_text(bytes, m))) << path;
        EXPECT_TRUE(text::is_utf8(preview(bytes, m))) << path;
      }
      ++messages;
    }
  EXPECT_GT(messages, 900u);
}

}  // namespace
}  // namespace pabal::message
