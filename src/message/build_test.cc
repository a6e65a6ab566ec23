#include "message/build.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "message/draft.h"
#include "message/received.h"
#include "message/tree_test.h"

namespace pabal::message {
namespace {

AddressItem mailbox(std::string display, std::string local, std::string domain) {
  return {AddressItem::kMailbox, std::move(display), std::move(local), std::move(domain)};
}

TEST(Build, HeaderLinesAreFoldedAndCannotBeInjected) {
  EXPECT_EQ(*header_line("Subject", "hello"), "Subject: hello\r\n");
  EXPECT_EQ(*header_line("Subject", ""), "Subject: \r\n");
  for (const char* bad : {"a\r\nBcc: x", "a\nb", "a\rb"}) EXPECT_EQ(header_line("Subject", bad).code(), Code::kInvalid);
  EXPECT_EQ(header_line("Subject", std::string_view("a\0b", 3)).code(), Code::kInvalid);
  for (const char* bad : {"", "a b", "a:", "a\r", "\xC3\xA9"})
    EXPECT_EQ(header_line(bad, "x").code(), Code::kInvalid) << bad;
  EXPECT_EQ(address_line("To", {mailbox("a\r\nb", "c", "d")}).code(), Code::kInvalid);
  EXPECT_EQ(address_line("To", {mailbox("", "c\n", "d")}).code(), Code::kInvalid);
}

TEST(Build, FoldedHeaderLinesReadBackAsTheyWere) {
  SeededRandom random(19);
  const std::vector<std::string> pieces = {"word", " ", "  ", "파발", "é", "x", std::string(90, 'y'), "=?", "\""};
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (uint64_t n = random.below(40); n > 0; --n) text += pieces[random.below(pieces.size())];
    const std::string line = *header_line("X-Long-Field-Name", text);
    EXPECT_EQ(decode_words(line.substr(18)), text) << line;
    const bool coded = line.find("=?utf-8?") != line.npos;
    for (std::string_view row : text::split(std::string_view(line).substr(0, line.size() - 2), '\n')) {
      if (row.ends_with('\r')) row.remove_suffix(1);
      EXPECT_LE(row.size(), coded ? 78u : 998u) << line;
      EXPECT_FALSE(text::trim(row).empty()) << line;  // RFC 5322 §3.2.2: no line of blanks only
    }
    EXPECT_EQ(header_fields(line).size(), 1u);
  }
}

TEST(Build, ParametersReadBackAsTheyWere) {
  const std::vector<std::string> names = {
      "a.txt",
      "two words.txt",
      "q\"b\\s",
      "파발.pdf",
      "é'%*",
      "",
      std::string(300, 'x'),
      "semi;colon, (paren)",
      "tab\there",
      "아주 긴 이름의 파일입니다 아주 긴 이름의 파일입니다 아주 긴 이름의 파일입니다.hwp"};
  for (const std::string& name : names) {
    const std::string field = "attachment" + parameter("filename", name);
    EXPECT_TRUE(text::is_ascii(field));
    const ParameterizedValue read = parse_parameterized(field);
    EXPECT_EQ(read.value, "attachment");
    ASSERT_TRUE(read.find("filename")) << field;
    EXPECT_EQ(*read.find("filename"), name) << field;
    for (const std::string_view row : text::split(field, '\n')) EXPECT_LE(row.size(), 79u) << field;
  }
}

TEST(Draft, BuiltAndParsedIsTheSame) {
  SeededRandom random(23);
  Draft draft;
  draft.from = {mailbox("파발 Kim", "kim", "example.com")};
  draft.to = {mailbox("Smith, Bob", "bob", "도메인.한국"), mailbox("", "eve", "example.net")};
  draft.cc = {
      {AddressItem::kGroupStart, "team", "", ""}, mailbox("A", "a", "b.test"), {AddressItem::kGroupEnd, "", "", ""}};
  draft.subject = "긴 제목 — a long subject that has to be folded somewhere, 아마 여러 번";
  draft.date = from_unix(1795479300);
  draft.message_id = "<1@example.com>";
  draft.in_reply_to = "<0@example.com>";
  draft.references = {"<r@example.com>", "<0@example.com>"};
  draft.more = {{"X-Note", "note"}};
  draft.text = "안녕하세요\nsecond line  \n.\nFrom here = on\n";
  draft.html = "<p>hi <img src=\"cid:pic@x\"></p>";
  draft.attachments = {{"그림.png", "image/png", random.bytes(1'000), "pic@x"},
                       {"big file.bin", "application/octet-stream", random.bytes(5'000), ""},
                       {"", "message/rfc822", "Subject: inner\r\n\r\ntext\r\n", ""}};
  const auto built = build(draft, random);
  ASSERT_TRUE(built);
  const std::string& bytes = *built;
  const Message m = parse(bytes);
  EXPECT_EQ(broken_promise(bytes, m), "");
  EXPECT_FALSE(m.has_8bit || m.bare_lf || m.bare_cr || m.truncated);
  for (const std::string_view row : text::split(bytes, '\n')) EXPECT_LE(row.size(), 79u) << row;
  const Summary& s = m.summary;
  EXPECT_EQ(decode_words(s.subject), draft.subject);
  EXPECT_EQ(s.date, draft.date);
  EXPECT_EQ(s.message_id, draft.message_id);
  EXPECT_EQ(s.in_reply_to, draft.in_reply_to);
  EXPECT_EQ(s.references, draft.references);
  ASSERT_EQ(s.to.size(), 2u);
  EXPECT_EQ(s.to[0].display_text(), "Smith, Bob");
  EXPECT_EQ(s.to[0].domain, ascii_domain("도메인.한국"));
  EXPECT_EQ(s.from[0].display_text(), "파발 Kim");
  EXPECT_EQ(s.cc.size(), 3u);
  EXPECT_EQ(m.root.subtype, "mixed");
  ASSERT_EQ(m.root.children.size(), 3u);
  const Part& alternative = m.root.children[0];
  ASSERT_EQ(alternative.children.size(), 2u);
  EXPECT_EQ(to_utf8(part_content(bytes, alternative.children[0]), alternative.children[0].charset()),
            "안녕하세요\r\nsecond line  \r\n.\r\nFrom here = on\r\n");
  const Part& related = alternative.children[1];
  EXPECT_EQ(related.subtype, "related");
  EXPECT_EQ(related.children[1].id, "<pic@x>");
  EXPECT_EQ(related.children[1].filename(), "그림.png");
  EXPECT_EQ(part_content(bytes, related.children[1]), draft.attachments[0].content);
  EXPECT_EQ(m.root.children[1].filename(), "big file.bin");
  EXPECT_EQ(part_content(bytes, m.root.children[1]), draft.attachments[1].content);
  ASSERT_EQ(m.root.children[2].children.size(), 1u);
  EXPECT_EQ(m.root.children[2].children[0].summary->subject, "inner");
  EXPECT_EQ(m.root.children[2].body(bytes), draft.attachments[2].content);
}

TEST(Draft, IsAsSimpleAsItsContent) {
  SeededRandom random(29);
  Draft draft;
  draft.from = {mailbox("", "a", "b.test")};
  draft.text = "plain";
  std::string bytes = *build(draft, random);
  EXPECT_TRUE(
      bytes.ends_with("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain\r\n"))
      << bytes;
  draft.text = std::string(2'000, 'x');  // RFC 5322 §2.1.1: too long for a line
  bytes = *build(draft, random);
  EXPECT_EQ(part_content(bytes, parse(bytes).root), draft.text + "\r\n");
  draft.html = "<p>";
  EXPECT_EQ(parse(*build(draft, random)).root.subtype, "alternative");
  draft.text.clear();
  EXPECT_EQ(parse(*build(draft, random)).root.subtype, "html");
  draft.from = {mailbox("", "우편", "도메인.한국")};  // RFC 6532
  bytes = *build(draft, random);
  EXPECT_TRUE(parse(bytes).utf8_headers);
  EXPECT_EQ(parse(bytes).summary.from[0].address(), "우편@도메인.한국");
}

TEST(Draft, RefusesWhatWouldNotBeAMessage) {
  SeededRandom random(31);
  const auto fails = [&](auto change) {
    Draft draft;
    draft.from = {mailbox("", "a", "b.test")};
    change(draft);
    const auto built = build(draft, random);
    return !built && built.code() == Code::kInvalid;
  };
  EXPECT_FALSE(fails([](Draft&) {}));
  EXPECT_TRUE(fails([](Draft& d) { d.from.clear(); }));
  EXPECT_TRUE(fails([](Draft& d) { d.subject = "x\r\nBcc: y"; }));
  EXPECT_TRUE(fails([](Draft& d) { d.more = {{"X:", "y"}}; }));
  EXPECT_TRUE(fails([](Draft& d) { d.message_id = "<a@b>\r\n"; }));
  EXPECT_TRUE(fails([](Draft& d) { d.attachments = {{"", "text", "", ""}}; }));
  EXPECT_TRUE(fails([](Draft& d) { d.attachments = {{"", "text/plain\r\nX: y", "", ""}}; }));
  EXPECT_TRUE(fails([](Draft& d) { d.attachments = {{"", "multipart/mixed", "", ""}}; }));
  EXPECT_TRUE(fails([](Draft& d) { d.attachments = {{"", "a/b", "", "x>\r\n"}}; }));
}

TEST(Build, MessageIdsAreUniqueAndWellFormed) {
  SeededRandom random(37);
  const std::string a = new_message_id(random, from_unix(1), "example.com"),
                    b = new_message_id(random, from_unix(1), "example.com");
  EXPECT_NE(a, b);
  EXPECT_EQ(parse_message_ids(a), std::vector<std::string>{a});
}

TEST(Received, LinesAreOneFieldWhateverTheClientSays) {
  ReceivedInfo info{"mx.example (\r\nX: y", "192.0.2.1",          "pabal.test", "ESMTPS", "TLSv1.3 X", "id1",
                    "b+c=d@example.com",    from_unix(1795479300)};
  const std::string line = received_line(info);
  const auto fields = header_fields(line);
  ASSERT_EQ(fields.size(), 1u);
  EXPECT_EQ(fields[0].size, line.size());
  EXPECT_EQ(unfold(fields[0].raw_value),
            "from mx.example????X:?y ([192.0.2.1])\tby pabal.test (Pabal) with ESMTPS (TLSv1.3 X)\tid id1 for "
            "<b+c=d@example.com>;\tTue, 24 Nov 2026 00:15:00 +0000");
  info.helo = "[IPv6:2001:db8::1]";
  info.ip = "2001:db8::1";
  EXPECT_NE(received_line(info).find("from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])"), std::string::npos);
  EXPECT_EQ(count_received(line + line + "Subject: Received: no\r\n" + line), 3u);
}

}  // namespace
}  // namespace pabal::message
