#include "base/text.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "message/build.h"
#include "message/message.h"

namespace pabal::message {
namespace {

TEST(DecodeBody, Base64IsLenient) {
  EXPECT_EQ(decode_body("aGVs\r\nbG8=", "base64"), "hello");
  EXPECT_EQ(decode_body("aGVsbG8", "BASE64"), "hello");                    // no padding
  EXPECT_EQ(decode_body("a*G V-s_b.G8=", "base64"), "hello");              // RFC 2045 §6.8: others are ignored
  EXPECT_EQ(decode_body("aGVs\nbG8=\naGVsbG8=", "base64"), "hellohello");  // two runs
  EXPECT_EQ(decode_body("aGVsbG8=\n--\nfooter of a list", "base64"), "hello");
  EXPECT_EQ(decode_body("", "base64"), "");
  EXPECT_EQ(decode_body("=", "base64"), "");
  EXPECT_EQ(decode_body("a", "base64"), "");
}

TEST(DecodeBody, QuotedPrintableIsLenient) {
  EXPECT_EQ(
      decode_body("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.", "quoted-printable"),
      "Now's the time for all folk to come to the aid of their country.");  // RFC 2045 §6.7
  EXPECT_EQ(decode_body("=C3=a9  \r\nx\t\n", "Quoted-Printable"), "é\r\nx\n");
  EXPECT_EQ(decode_body("a= \r\nb", "quoted-printable"), "ab");
  EXPECT_EQ(decode_body("=zz=4=", "quoted-printable"), "=zz=4");
  EXPECT_EQ(decode_body("=3D=", "quoted-printable"), "=");
  EXPECT_EQ(decode_body("\n\n", "quoted-printable"), "\n\n");
}

TEST(DecodeBody, UuencodeIsReadBetweenBeginAndEnd) {
  EXPECT_EQ(decode_body("text\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nmore", "x-uuencode"), "Cat");
  EXPECT_EQ(decode_body("begin 644 w\n::'1T<#HO+W=W=RYW:6MI<&5D:6$N;W)G#0H \n \nend\n", "uuencode"),
            "http://www.wikipedia.org\r\n");
  EXPECT_EQ(decode_body("begin 644 cut\n#0V%", "x-uue").substr(0, 2), "Ca");
  EXPECT_EQ(decode_body("no frame", "x-uuencode"), "no frame");
}

TEST(DecodeBody, OthersAreAsTheyAre) {
  for (const char* encoding : {"", "7bit", "8bit", "binary", "x-unknown"})
    EXPECT_EQ(decode_body("=41 aGVs", encoding), "=41 aGVs");
}

TEST(DecodeBody, WhatIsEncodedComesBack) {
  SeededRandom random(13);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = random.bytes(random.below(400));
    const std::string base64 = encode_base64_lines(bytes);
    EXPECT_EQ(decode_body(base64, "base64"), bytes);
    for (char& c : bytes)  // blanks, line ends and "=" in number
      if (random.below(3) == 0) c = " \t\r\n=.a"[random.below(7)];
    const std::string qp = encode_quoted_printable(bytes);
    EXPECT_EQ(decode_body(qp, "quoted-printable"), bytes);
    for (const std::string& coded : {base64, qp})
      for (std::string_view line : text::split(coded, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        EXPECT_LE(line.size(), 76u);
        EXPECT_TRUE(text::is_ascii(line));
        EXPECT_EQ(line.find('\r'), line.npos);
      }
  }
}

TEST(Html, BecomesTheTextThatIsSeen) {
  const std::pair<std::string, const char*> cases[] = {
      {"<p>one</p><p>two<br>three", "one\ntwo\nthree"},
      {"a <b>bold</b>\r\n\t  word", "a bold word"},
      {"<style>p{}</style>x<script>alert('</p>')</script>y<!-- <p>no</p> -->z", "xyz"},
      {"<head><title>t</title></head><body>b", "b"},
      {"<head><title>t</title><body>b", "t\nb"},  // no </head>
      {"&lt;&amp;&gt;&quot;&#65;&#x42;&nbsp;&eacute;&unknown;&", "<&>\"AB é&unknown;&"},
      {"&#0;&#xD800;&#x110000;", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"a < b", "a "},
      {"<!-- open", ""},
      {"a<scRIPT>x", "a"},
      {"", ""},
  };
  for (const auto& [html, text] : cases) EXPECT_EQ(html_to_text(html), text) << html;
}

TEST(Html, IsLinear) {
  std::string many;
  for (int i = 0; i < 500'000; ++i) many += "<head></";
  EXPECT_TRUE(text::is_utf8(html_to_text(many)));
  std::string nested;
  for (int i = 0; i < 500'000; ++i) nested += "<!--<p>&";
  EXPECT_EQ(html_to_text(nested), "");
}

constexpr std::string_view kLetter =
    "From: =?utf-8?q?Andr=C3=A9?= <andre@example.com>\r\nTo: bob@example.com\r\nSubject: =?euc-kr?B?xsS53w==?=\r\n"
    "Content-Type: multipart/mixed; boundary=m\r\n\r\n"
    "--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: text/plain; charset=euc-kr\r\nContent-Transfer-Encoding: base64\r\n\r\nxsS53w==\r\n"
    "--a\r\nContent-Type: text/html\r\n\r\n<p>html word</p>\r\n--a--\r\n"
    "--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
    "filename*=utf-8''%ED%8C%8C.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
    "--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner subject\r\nFrom: eve@example.net\r\n\r\ninner "
    "text\r\n--m--\r\n";

TEST(Text, AllTextHasWhatASearchShouldFind) {
  const Message m = parse(kLetter);
  const std::string text = all_text(kLetter, m);
  for (const char* word : {"파발", "André", "andre@example.com", "bob@example.com", "파.pdf", "inner subject",
                           "eve@example.net", "inner text"})
    EXPECT_NE(text.find(word), text.npos) << word << " in " << text;
  EXPECT_EQ(text.find("html word"), text.npos);  // the plain alternative says it
  EXPECT_LE(all_text(kLetter, m, 20).size(), 20u);
}

TEST(Text, PartsGiveTheirContentAndTheirNames) {
  const Message m = parse(kLetter);
  const Part& plain = m.root.children[0].children[0];
  const Part& pdf = m.root.children[1];
  EXPECT_EQ(part_text(kLetter, plain), "파발");
  EXPECT_EQ(plain.charset(), "euc-kr");
  EXPECT_EQ(part_content(kLetter, pdf), std::string_view("\0\1\2", 3));
  EXPECT_EQ(part_text(kLetter, pdf), "");
  EXPECT_EQ(pdf.filename(), "파.pdf");
  EXPECT_TRUE(pdf.is_attachment());
  EXPECT_FALSE(plain.is_attachment());
  EXPECT_EQ(preview(kLetter, m), "파발");
}

TEST(Text, FileNamesHaveNoPath) {
  const auto name = [](std::string disposition) {
    return parse("Content-Disposition: attachment; " + disposition + "\n\nx").root.filename();
  };
  EXPECT_EQ(name("filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(name("filename=\"C:\\\\dir\\\\f.txt\""), "f.txt");
  EXPECT_EQ(name("filename*=utf-8''..%2F..%2Fx%0D%0A"), "x");
  EXPECT_EQ(name("filename=\"\""), "");
  EXPECT_EQ(parse("Content-Type: a/b; name=n.txt\n\nx").root.filename(), "n.txt");
}

TEST(Text, PreviewFoldsBlanksAndPassesOverLongStyles) {
  const std::string plain = "\r\n  one \r\n\r\n two   three";
  EXPECT_EQ(preview(plain, parse(plain)), "one two three");
  EXPECT_EQ(preview(plain, parse(plain), 5), "one t");
  const std::string html = "Content-Type: text/html\n\n<style>" + std::string(100'000, 'x') + "</style><p>seen</p>";
  EXPECT_EQ(preview(html, parse(html)), "seen");
  const std::string korean = "Content-Type: text/plain; charset=utf-8\n\n파발 우편";
  EXPECT_EQ(preview(korean, parse(korean), 2), "파발");
  EXPECT_EQ(preview("", parse("")), "");
}

}  // namespace
}  // namespace pabal::message
