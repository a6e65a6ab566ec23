#include "trust/aggregate.h"

#include <gtest/gtest.h>

#include "trust/unpack.h"
#include "trust/xml.h"

namespace pabal::trust {
namespace {

// --- XML ---

std::string tokens(std::string_view document) {
  XmlReader xml(document);
  std::string out;
  while (true) {
    const auto token = xml.next();
    if (!token) return out + "!" + std::string(code_name(token.code()));
    switch (token->kind) {
      case XmlReader::Token::kStart:
        out += "<" + token->name + ">";
        break;
      case XmlReader::Token::kEnd:
        out += "</" + token->name + ">";
        break;
      case XmlReader::Token::kText:
        out += token->text;
        break;
      case XmlReader::Token::kDone:
        return out;
    }
  }
}

TEST(Xml, IsReadAsElementsAndText) {
  EXPECT_EQ(
      tokens("<?xml version='1.0'?><!-- <x> --><n:a b=\"1 > 2\" c='\"'>one<b/>&lt;&amp;&#65;&#x1F600;<![CDATA[<&]]>"
             "</n:a>\n<!-- end -->"),
      "<a>one<b></b><&A\xF0\x9F\x98\x80<&</a>");
}

TEST(Xml, IsRefusedWhenItIsNotWellFormed) {
  const std::string invalid = "!" + std::string(code_name(Code::kInvalid));
  for (const char* bad : {"",
                          " ",
                          "text",
                          "<a>",
                          "<a></b>",
                          "</a>",
                          "<a",
                          "<a b>",
                          "<a b=c/>",
                          "<a b='/>",
                          "<a/><b/>",
                          "<a/>x",
                          "<>",
                          "<a>&nbsp;</a>",
                          "<a>&</a>",
                          "<a>&#0;</a>",
                          "<a>&#xD800;</a>",
                          "<a>&#x110000;</a>",
                          "<a>&#99999999999;</a>",
                          "<a><!-- </a>",
                          "<a><![CDATA[</a>",
                          "<?xml",
                          "<a/ >",
                          "<a>&#;</a>"})
    EXPECT_TRUE(tokens(bad).ends_with(invalid)) << bad << " " << tokens(bad);
}

// No DTD, so no external entity and none that grows.
TEST(Xml, HasNoEntitiesOfItsOwn) {
  const std::string invalid = "!" + std::string(code_name(Code::kInvalid));
  EXPECT_EQ(tokens("<!DOCTYPE f [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><f>&x;</f>"), invalid);
  EXPECT_EQ(tokens("<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;\">]><lolz>&lol2;</lolz>"),
            invalid);
  EXPECT_EQ(tokens("<f><!DOCTYPE g></f>"), "<f>" + invalid);
}

TEST(Xml, HoldsWithinLimits) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_TRUE(tokens(deep).ends_with("!" + std::string(code_name(Code::kLimit))));
  EXPECT_EQ(tokens("<" + std::string(1'000, 'a') + "/>"), "!" + std::string(code_name(Code::kLimit)));
}

TEST(Xml, IsTurnedIntoUtf8) {
  EXPECT_EQ(xml_to_utf8("\xEF\xBB\xBF<a/>"), "<a/>");
  EXPECT_EQ(xml_to_utf8(std::string("\xFF\xFE<\0a\0/\0>\0", 10)), "<a/>");
  EXPECT_EQ(xml_to_utf8("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xFC</a>"),
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xC3\xBC</a>");
  EXPECT_EQ(xml_to_utf8("<?xml encoding=\"what\"?>\xFF"), "<?xml encoding=\"what\"?>\xEF\xBF\xBD");
  EXPECT_EQ(xml_to_utf8("<?xml encoding='"), "<?xml encoding='");
}

// --- compressed files ---

std::string number(uint64_t n, size_t octets) {
  std::string out;
  for (; octets > 0; --octets, n >>= 8) out += static_cast<char>(n & 0xFF);
  return out;
}

struct ZipPart {
  std::string name, content;
  uint32_t crc = 0, flags = 0, method = 0, claimed_size = UINT32_MAX;
};
std::string zip(const std::vector<ZipPart>& parts) {
  std::string out, directory;
  for (const ZipPart& p : parts) {
    const uint32_t size = p.claimed_size == UINT32_MAX ? static_cast<uint32_t>(p.content.size()) : p.claimed_size;
    const std::string common = number(p.flags, 2) + number(p.method, 2) + number(0, 4) + number(p.crc, 4) +
                               number(p.content.size(), 4) + number(size, 4) + number(p.name.size(), 2) + number(0, 2);
    directory += "PK\x01\x02" + number(20, 2) + number(20, 2) + common + number(0, 10) + number(out.size(), 4) + p.name;
    out += "PK\x03\x04" + number(20, 2) + common + p.name + p.content;
  }
  const size_t at = out.size();
  return out + directory + "PK\x05\x06" + number(0, 4) + number(parts.size(), 2) + number(parts.size(), 2) +
         number(directory.size(), 4) + number(at, 4) + number(0, 2);
}
constexpr uint32_t kCrcOfHello = 0x3610A686;

TEST(Unpack, UndoesWhatItKnows) {
  EXPECT_EQ(*unpack("<feedback/>"), "<feedback/>");
  EXPECT_EQ(*unpack(gzip("<feedback/>")), "<feedback/>");
  EXPECT_EQ(*unpack(gzip("one") + gzip("two") + "rubbish"), "onetwo");
  EXPECT_EQ(*unpack(zip({{"r.xml", "hello", kCrcOfHello}})), "hello");
  EXPECT_EQ(*unpack(zip({{"__MACOSX/._r.xml", "x"}, {"readme.txt", "x"}, {"r.XML", "hello", kCrcOfHello}})), "hello");
}

TEST(Unpack, RefusesBombs) {
  const std::string zeros = gzip(std::string(50 << 20, '\0'));
  EXPECT_EQ(unpack(zeros).code(), Code::kLimit);
  EXPECT_EQ(unpack(gzip(std::string(1 << 20, '\0'))).code(), Code::kLimit);
  EXPECT_TRUE(unpack(gzip(std::string(60 << 10, '\0'))));
  // Members that repeat: many small ones make a large one.
  std::string many;
  for (int i = 0; i < 300; ++i) many += gzip(std::string(60 << 10, '\0'));
  EXPECT_EQ(unpack(many).code(), Code::kLimit);
  EXPECT_EQ(unpack(std::string(kMaxUnpacked + 1, 'x')).code(), Code::kLimit);
  EXPECT_EQ(unpack(zip({{"r.xml", "x", 0, 0, 8, 0x7FFFFFFF}})).code(), Code::kLimit);
  std::vector<ZipPart> entries(kMaxArchiveEntries + 1, {"a.txt", "x"});
  EXPECT_EQ(unpack(zip(entries)).code(), Code::kLimit);
}

TEST(Unpack, RefusesWhatIsBroken) {
  const std::string good = gzip("<feedback>some text that is long enough</feedback>");
  for (size_t size = 2; size < good.size(); ++size) EXPECT_FALSE(unpack(good.substr(0, size))) << size;
  std::string flipped = good;
  flipped[good.size() - 5] ^= 1;
  EXPECT_FALSE(unpack(flipped));
  const std::string archive = zip({{"r.xml", "hello", kCrcOfHello}});
  for (size_t size = 4; size < archive.size(); ++size) EXPECT_FALSE(unpack(archive.substr(0, size))) << size;
  EXPECT_FALSE(unpack(zip({{"r.xml", "hello", 1}})));
  EXPECT_EQ(*unpack(zip({{"", "hello", kCrcOfHello}})), "hello");
  EXPECT_FALSE(unpack(zip({{"a.exe", "hello", kCrcOfHello}, {"b", "hello", kCrcOfHello}})));
  EXPECT_FALSE(unpack(zip({{"a.xml", "hello", kCrcOfHello}, {"b.xml", "hello", kCrcOfHello}})));
  EXPECT_EQ(unpack(zip({{"r.xml", "hello", kCrcOfHello, 1}})).code(), Code::kUnsupported);
  EXPECT_EQ(unpack(zip({{"r.xml", "hello", kCrcOfHello, 0, 12}})).code(), Code::kUnsupported);
}

// --- reports ---

AggregateReport sample() {
  AggregateReport r;
  r.org_name = "Receiver <&> \"Sons\"";
  r.email = "dmarc-reports@receiver.example";
  r.report_id = "20231114.example.com@receiver.example";
  r.begin = 1'700'000'000;
  r.end = 1'700'086'399;
  r.published.domain = "example.com";
  r.published.discovery_method = "treewalk";
  r.published.p = "reject";
  r.published.testing = "n";
  auto& row = r.rows.emplace_back();
  row.source_ip = "2001:db8::1";
  row.count = 7;
  row.disposition = "none";
  row.dkim = "fail";
  row.spf = "fail";
  row.reasons.push_back({"trusted_forwarder", "ARC of lists.example"});
  row.header_from = "example.com";
  row.envelope_from = "lists.example";
  row.dkim_results.push_back({"example.com", "s1", "fail", "body hash"});
  row.spf_results.push_back({"lists.example", "mfrom", "pass", ""});
  return r;
}

TEST(Aggregate, IsReadBackAsWritten) {
  const std::string xml = to_xml(sample());
  EXPECT_TRUE(xml.starts_with(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"));
  const auto read = parse_aggregate(xml);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_xml(*read), xml);
  EXPECT_EQ(read->org_name, sample().org_name);
  EXPECT_EQ(read->rows[0].reasons[0].comment, "ARC of lists.example");
}

TEST(Aggregate, KeepsHostileTextInItsElement) {
  AggregateReport r = sample();
  r.rows[0].header_from = r.rows[0].dkim_results[0].human_result = "</header_from><x>\x01\xFF]]>&amp;";
  const auto read = parse_aggregate(to_xml(r));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->rows.size(), 1U);
  EXPECT_EQ(read->rows[0].header_from, "</header_from><x>\xEF\xBF\xBD]]>&amp;");
}

TEST(Aggregate, LeavesOutRowsThatSayNothing) {
  AggregateReport r = sample();
  for (const char* bad : {"", "108r.166.27.220", "localhost", "999.1.1.1"}) {
    r.rows.push_back(r.rows[0]);
    r.rows.back().source_ip = bad;
  }
  r.rows.push_back(r.rows[0]);
  r.rows.back().count = 0;
  EXPECT_EQ(parse_aggregate(to_xml(r))->rows.size(), 1U);
}

TEST(Aggregate, IsRefusedWhenItIsNone) {
  EXPECT_EQ(parse_aggregate("<html/>").code(), Code::kInvalid);
  EXPECT_EQ(parse_aggregate("<feedback/>").code(), Code::kInvalid);
  EXPECT_EQ(parse_aggregate("").code(), Code::kInvalid);
  AggregateReport r = sample();
  r.published.domain = "no domain";
  EXPECT_EQ(parse_aggregate(to_xml(r)).code(), Code::kInvalid);
  r = sample();
  std::swap(r.begin, r.end);
  EXPECT_EQ(parse_aggregate(to_xml(r)).code(), Code::kInvalid);
  EXPECT_EQ(parse_aggregate("<!DOCTYPE x><feedback/>").code(), Code::kInvalid);
}

TEST(Aggregate, HoldsWithinLimits) {
  std::string many = "<feedback>";
  for (size_t i = 0; i < kMaxReportRows + 2; ++i)
    many += "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>";
  EXPECT_EQ(parse_aggregate(many).code(), Code::kLimit);
  AggregateReport r = sample();
  r.rows[0].dkim_results.assign(1'000, r.rows[0].dkim_results[0]);
  r.org_name = std::string(100'000, 'x');
  const auto read = parse_aggregate(to_xml(r));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rows[0].dkim_results.size(), kMaxReportResults);
  EXPECT_EQ(read->org_name.size(), kMaxReportText);
}

}  // namespace
}  // namespace pabal::trust
