#include "extract/extract.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "base/random.h"
#include "base/text.h"

namespace pabal::extract {
namespace {

std::string deflated(std::string_view in, int bits) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string little(uint64_t v, int octets) {
  std::string out;
  for (int i = 0; i < octets; ++i) out += static_cast<char>(i < 8 ? v >> 8 * i & 0xFF : 0);
  return out;
}

std::string zip(const std::map<std::string, std::string>& files, bool stored = false) {
  std::string out, central;
  for (const auto& [name, text] : files) {
    const std::string packed = stored ? text : deflated(text, -MAX_WBITS);
    const std::string common = little(20, 2) + little(0, 2) + little(stored ? 0 : 8, 2) + little(0, 8) +
                               little(packed.size(), 4) + little(text.size(), 4) + little(name.size(), 2) +
                               little(0, 2);
    central += "PK\1\2" + little(20, 2) + common + little(0, 10) + little(out.size(), 4) + name;
    out += "PK\3\4" + common + name + packed;
  }
  const size_t begin = out.size();
  return out + central + "PK\5\6" + little(0, 4) + little(files.size(), 2) + little(files.size(), 2) +
         little(central.size(), 4) + little(begin, 4) + little(0, 2);
}

std::string stream(std::string_view dict, std::string_view data) {
  return "<< " + std::string(dict) + " /Length " + std::to_string(data.size()) + " >>\nstream\n" + std::string(data) +
         "\nendstream";
}

std::string pdf(const std::map<int, std::string>& objects) {
  std::string out = "%PDF-1.7\n";
  for (const auto& [number, object] : objects) out += std::to_string(number) + " 0 obj\n" + object + "\nendobj\n";
  return out + "trailer << /Root 1 0 R >>\n%%EOF\n";
}

constexpr std::string_view kHelvetica =
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

std::string one_page(std::string_view content, std::string_view font = kHelvetica,
                     std::map<int, std::string> more = {}) {
  more[1] = "<< /Type /Catalog /Pages 2 0 R >>";
  more[2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >> >>";
  more[3] = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>";
  more[4] = stream("/Filter /FlateDecode", deflated(content, MAX_WBITS));
  more[5] = std::string(font);
  return pdf(more);
}

TEST(Pdf, TextIsReadInItsLines) {
  EXPECT_EQ(text_of(one_page("BT /F1 12 Tf 72 700 Td (Hello) Tj 0 -14 Td (World \\(again\\) caf\\351) Tj ET")),
            "Hello\nWorld (again) caf\xC3\xA9\n");
  EXPECT_EQ(text_of(one_page("BT /F1 12 Tf 72 700 Td [(He) -20 (llo) -900 (there)] TJ ET")), "Hello there\n");
  EXPECT_EQ(text_of(one_page("BT /F1 12 Tf 14 TL 72 700 Td (a) ' (b) ' ET")), "a\nb\n");
  EXPECT_EQ(text_of(one_page(
                "BT /F1 12 Tf 1 0 0 1 72 700 Tm (He) Tj 1 0 0 1 84 700 Tm (llo) Tj 1 0 0 1 200 700 Tm (x) Tj ET")),
            "Hello x\n");
  EXPECT_EQ(text_of(one_page("BT /F1 12 Tf <48656C6C6F> Tj ET")), "Hello\n");
}

TEST(Pdf, CodesAreWhatTheFontSaysTheyAre) {
  const std::string cmap =
      "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <D68C> <0002> <C758> "
      "endbfchar "
      "1 beginbfrange <0010> <0012> <0041> endbfrange 1 beginbfrange <0020> <0021> [<0066006C> <D83DDE00>] endbfrange "
      "endcmap";
  const std::string font = "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 7 0 R >>";
  EXPECT_EQ(
      text_of(one_page("BT /F1 9 Tf <00010002> Tj <001000110012> Tj <00200021> Tj ET", font, {{7, stream("", cmap)}})),
      "회의ABCfl😀\n");
  EXPECT_EQ(text_of(one_page("BT /F1 9 Tf <D68CC758> Tj ET", "<< /Subtype /Type0 /Encoding /UniKS-UTF16-H >>")),
            "회의\n");
  EXPECT_EQ(text_of(one_page("BT /F1 9 Tf (\\001\\002b) Tj ET",
                             "<< /Subtype /Type1 /Encoding << /Differences [1 /eacute /fi] >> >>")),
            "e\xCC\x81\xEF\xAC\x81"
            "b\n");
}

TEST(Pdf, ObjectsInStreamsFormsAndRepairs) {
  const std::string form =
      stream("/Subtype /Form /Resources << /Font << /F1 5 0 R >> >>", "BT /F1 9 Tf (inside) Tj ET");
  EXPECT_EQ(
      text_of(one_page("q 1 0 0 1 10 10 cm /X Do Q BT /F1 9 Tf 0 90 Td (outside) Tj ET", kHelvetica, {{6, form}})),
      "inside\noutside\n");
  const std::string loop = stream("/Subtype /Form /Resources << /XObject << /X 6 0 R >> >>", "/X Do /X Do");
  EXPECT_EQ(text_of(one_page("/X Do BT /F1 9 Tf (end) Tj ET", kHelvetica, {{6, loop}})), "end\n");
  const std::string first = "<< /Type /Catalog /Pages 2 0 R >> ", second = "<< /Type /Pages /Kids [3 0 R 3 0 R] >> ";
  const std::string numbers = "1 0 2 " + std::to_string(first.size()) + " ";
  const std::string whole = numbers + first + second;
  EXPECT_EQ(
      text_of(pdf({{3, "<< /Type /Page /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"},
                   {4, "<< /Length 999 >>\nstream\nBT /F1 9 Tf (wrong length) Tj ET\nendstream"},
                   {5, std::string(kHelvetica)},
                   {9, stream("/Type /ObjStm /N 2 /First " + std::to_string(numbers.size()) + " /Filter /FlateDecode",
                              deflated(whole, MAX_WBITS))}})),
      "wrong length\n");
  EXPECT_EQ(text_of("%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj trailer << /Encrypt 2 0 R >>"), "");
}

TEST(Office, TextOfEveryKind) {
  EXPECT_EQ(text_of(zip({{"word/document.xml",
                          "<?xml version='1.0'?><w:document><w:p><w:r><w:t>Quarterly</w:t></w:r><w:r><w:t> rep&amp;ort "
                          "&#xD68C;</w:t></w:r></w:p><w:p><w:instrText>HIDDEN</w:instrText><w:t "
                          "xml:space='preserve'>two</w:t><w:tab/>"
                          "<w:t>three</w:t></w:p></w:document>"},
                         {"word/styles.xml", "<w:t>style</w:t>"}})),
            "Quarterly rep&ort 회\ntwo three\n");
  EXPECT_EQ(
      text_of(zip({{"xl/sharedStrings.xml", "<sst><si><t>name</t></si><si><t>sum</t></si></sst>"},
                   {"xl/worksheets/sheet1.xml",
                    "<row><c t=\"s\"><v>0</v></c><c><v>42.5</v></c><c t=\"inlineStr\"><is><t>here</t></is></c></row>"}},
                  true)),
      "name\nsum\n42.5 here\n");
  EXPECT_EQ(text_of(zip({{"ppt/slides/slide1.xml", "<a:p><a:r><a:t>Slide</a:t></a:r></a:p>"}})), "Slide\n");
  EXPECT_EQ(text_of(zip({{"content.xml",
                          "<office:body><text:h>Title</text:h><text:p>a<text:s/>b<!-- c --></text:p></office:body>"}})),
            "Title\na b\n");
  EXPECT_EQ(text_of(zip({{"a.txt", "plain"}})), "");
  const std::string bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><w:p><w:t>x&b;y</w:t></w:p>";
  EXPECT_EQ(text_of(zip({{"word/document.xml", bomb}})), "xy\n") << "no entity but XML's own means anything";
}

TEST(Rtf, TextWithoutItsTables) {
  EXPECT_EQ(text_of("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}Hello \\b world\\b0\\par caf\\'e9 "
                    "\\u54924?\\u51032?\\par}"),
            "Hello world\ncaf\xC3\xA9 회의\n");
  EXPECT_EQ(text_of("{\\rtf1 a\\tab b\\bin5 xxxxxc"), "a bc");
}

TEST(Limits, ABombGivesNoMoreThanItMay) {
  const std::string much(kMaxUnpacked + (1 << 20), 'a');
  EXPECT_LE(text_of(zip({{"word/document.xml", "<w:t>" + much + "</w:t>"}})).size(), kMaxText);
  EXPECT_LE(text_of(one_page("BT /F1 9 Tf (" + much + ") Tj ET")).size(), kMaxText);
  const std::string once = deflated(much, MAX_WBITS);
  EXPECT_EQ(text_of(pdf({{1, "<< /Type /Catalog /Pages 2 0 R >>"},
                         {2, "<< /Type /Pages /Kids [3 0 R] >>"},
                         {3, "<< /Type /Page /Contents 4 0 R >>"},
                         {4, stream("/Filter [/FlateDecode /FlateDecode]", deflated(once, MAX_WBITS))}})),
            "");
}

TEST(Limits, DamagedFilesAreReadAsFarAsTheyGo) {
  SeededRandom random(1);
  const std::vector<std::string> whole = {one_page("BT /F1 12 Tf 72 700 Td (Hello) Tj [(a) -900 (b)] TJ ET"),
                                          zip({{"word/document.xml", "<w:p><w:t>Quarterly &amp; report</w:t></w:p>"}}),
                                          "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}Hello \\u54924? world\\par}"};
  for (const std::string& file : whole)
    for (int round = 0; round < 3'000; ++round) {
      std::string bad = file.substr(0, random.below(2) ? file.size() : random.below(file.size() + 1));
      for (uint64_t n = random.below(5); n > 0 && !bad.empty(); --n)
        bad[random.below(bad.size())] = static_cast<char>(random.below(256));
      EXPECT_LE(text_of(bad).size(), kMaxText);
    }
  EXPECT_EQ(text_of(std::string(5'000, '[')), "");
  EXPECT_EQ(text_of("%PDF-1.7\n1 0 obj " + std::string(100'000, '[')), "");
  EXPECT_EQ(text_of("%PDF-1.7\n1 0 obj 1 0 R endobj 2 0 obj << /Type /Catalog /Pages 1 0 R >> endobj"), "");
}

}  // namespace
}  // namespace pabal::extract
