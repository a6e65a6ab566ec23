#include "message/words.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"

namespace pabal::message {
namespace {

TEST(Words, DecodeAsRfc2047Section8Shows) {
  const std::pair<const char*, const char*> cases[] = {
      {"=?ISO-8859-1?Q?a?=", "a"},
      {"=?ISO-8859-1?Q?a?= b", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a?=\r\n     =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a_b?=", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
      {"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
      {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
      {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
       "If you can read this you understand the example."},
      {"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ"},
  };
  for (const auto& [raw, text] : cases) EXPECT_EQ(decode_words(raw), text) << raw;
}

TEST(Words, DecodeWhatIsSeenInTheWild) {
  const std::pair<std::string, const char*> cases[] = {
      {"=?utf-8?Q?=ED=8C?= =?utf-8?Q?=8C?=", "파"},  // cut inside a character
      {"=?utf-8?B?7Yw=?= =?UTF-8?B?jA==?=", "파"},
      {"=?utf-8?q?a?=b=?utf-8?q?c?=", "abc"},  // no blanks between
      {"=?utf-8*en?Q?caf=C3=A9?=", "café"},    // RFC 2231 §5
      {"=?utf-8?Q?a b?=", "a b"},              // a blank inside
      {"=?euc-kr?B?xsS53w==?=", "파발"},
      {"=?ks_c_5601-1987?B?xsS53w==?=", "파발"},
      {"=?iso-2022-kr?B?GyQpQw5GRDlfDw==?=", "파발"},
      {"=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=", "こん"},
      {"=?shift_jis?B?grGC8Q==?=", "こん"},
      {"=?gb2312?B?xOO6ww==?=", "你好"},
      {"=?gb18030?B?xOO6ww==?=", "你好"},
      {"=?big5?B?p0Gmbg==?=", "你好"},
      {"=?koi8-r?B?9MXT1A==?=", "Тест"},
      {"=?windows-1252?Q?=80?=", "€"},
      {"=?iso-8859-1?Q?=80?=", "€"},  // what mail under that label holds
      {"=?x-unknown?Q?caf=C3=A9?=", "café"},
      {"=?nonsense?Q?caf=E9?=", "café"},
      {"=?utf-8?Q?bad=ZZ=4?=", "bad=ZZ=4"},
      {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
      {"=?utf-8?Q?never ends", "=?utf-8?Q?never ends"},
      {"=?utf-8?Q?", "=?utf-8?Q?"},
      {"=??Q?a?=", "=??Q?a?="},
      {"=?", "=?"},
      {"caf\xE9", "café"},
      {"caf\xC3\xA9", "café"},
      {"=?utf-8?Q?a=0D=0AX:_b=00?=", "a  X: b "},  // no new header lines
  };
  for (const auto& [raw, text] : cases) EXPECT_EQ(decode_words(raw), text) << raw;
}

TEST(Words, EncodedAndDecodedAgainIsTheSame) {
  SeededRandom random(5);
  const std::vector<std::string> pieces = {"a", "Z", " ", "  ", "?",  "=", "=?", "?=",   "_",  "\"",
                                           "(", ",", "é", "파", "발", "𝄞", "€",  "word", "\t", std::string(100, 'x')};
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (uint64_t n = random.below(40); n > 0; --n) text += pieces[random.below(pieces.size())];
    for (const size_t first : {75u, 0u, 40u}) {
      const std::string coded = encode_word(text, first);
      EXPECT_TRUE(text::is_ascii(coded));
      EXPECT_EQ(decode_words(coded), text) << coded;
      if (coded == text) continue;
      for (const std::string_view word : text::split(coded, ' ')) {  // RFC 2047 §2
        EXPECT_LE(word.size(), 75u) << word;
        EXPECT_TRUE(text::is_utf8(decode_words(word))) << word;
        EXPECT_EQ(decode_words(word).find("\xEF\xBF\xBD"), std::string::npos) << word;
      }
    }
  }
  EXPECT_EQ(encode_word("plain text"), "plain text");
  EXPECT_EQ(encode_word(""), "");
  EXPECT_EQ(encode_word("é"), "=?utf-8?B?w6k=?=");
  EXPECT_EQ(encode_word("café au lait"), "=?utf-8?Q?caf=C3=A9_au_lait?=");
}

TEST(Charset, EveryAliasOfTheTableIsKnown) {
  for (const char* name : {"utf-8",       "UTF8",         "us-ascii",       "iso-8859-1",  "latin1",
                           "ISO-8859-15", "windows-1250", "windows-1251",   "cp1252",      "koi8-r",
                           "koi8-u",      "euc-kr",       "ks_c_5601-1987", "KSC5601",     "cp949",
                           "uhc",         "iso-2022-kr",  "johab",          "shift_jis",   "sjis",
                           "x-sjis",      "cp932",        "euc-jp",         "iso-2022-jp", "iso-2022-jp-1",
                           "gb2312",      "gbk",          "gb18030",        "hz-gb-2312",  "big5",
                           "big5-hkscs",  "tis-620",      "iso-8859-8-i",   "utf-7",       "unicode-1-1-utf-7",
                           "utf-16",      "utf-16le",     "utf-32",         "macintosh",   "ibm850",
                           "viscii",      "windows-874"})
    EXPECT_TRUE(knows_charset(name) || std::string_view(name) == "johab" || std::string_view(name) == "viscii") << name;
  for (const char* name : {"", "nonsense", "utf-8,version=1", "x y", "../etc"})
    EXPECT_FALSE(knows_charset(name)) << name;
}

TEST(Charset, TextOfEachComesOut) {
  EXPECT_EQ(to_utf8("\xC6\xC4\xB9\xDF", "EUC-KR"), "파발");
  EXPECT_EQ(to_utf8("\x8C\x63", "euc-kr"), "똠");  // of windows-949, written under EUC-KR
  EXPECT_EQ(to_utf8("\x1B$)C\x0E\x46\x44\x39\x5F\x0F abc", "iso-2022-kr"), "파발 abc");
  EXPECT_EQ(to_utf8("\x0E\x46\x44\x39\x5F\x0F abc", "iso-2022-kr"), "파발 abc");  // without its designation
  EXPECT_EQ(to_utf8("\x81\x30\x81\x30", "gb18030"), "\xC2\x80");
  EXPECT_EQ(to_utf8("\x95\x32\x82\x36", "gb18030"), "𠀀");
  EXPECT_EQ(to_utf8("\x82\xB1\x82\xF1\x87\x40", "Shift_JIS"), "こん①");
  EXPECT_EQ(to_utf8("\x1B$B$3$s\x1B(B", "ISO-2022-JP"), "こん");
  EXPECT_EQ(to_utf8("\xA4\xB3\xA4\xF3", "EUC-JP"), "こん");
  EXPECT_EQ(to_utf8("\xA7\x41\xA6\x6E", "Big5"), "你好");
  EXPECT_EQ(to_utf8("+1tg-", "utf-7").empty(), false);
  EXPECT_EQ(to_utf8("\xEF\xBB\xBFx", "utf-8"), "x");
  EXPECT_EQ(to_utf8("\xFF\xFEh\0i\0", "x-unknown-thing").empty(), false);
  EXPECT_EQ(to_utf8(std::string_view("h\0i\0", 4), "utf-16le"), "hi");
  EXPECT_EQ(to_utf8("", "euc-kr"), "");
}

TEST(Charset, BadOctetsGiveReplacementCharactersAndValidUtf8) {
  SeededRandom random(11);
  for (const char* charset : {"utf-8", "euc-kr", "iso-2022-kr", "iso-2022-jp", "gb18030", "shift_jis", "big5", "utf-16",
                              "utf-7", "hz-gb-2312", "windows-1252", ""})
    for (int i = 0; i < 300; ++i) {
      const std::string bytes = random.bytes(random.below(200));
      EXPECT_TRUE(text::is_utf8(to_utf8(bytes, charset))) << charset;
    }
  EXPECT_EQ(clean_utf8("a\xFF"
                       "b\xED\xA0\x80"
                       "c\xE3\x81"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c\xEF\xBF\xBD");
  EXPECT_TRUE(text::is_utf8(to_utf8(std::string(100'000, '\x8C'), "euc-kr")));  // over the converter's buffer
}

TEST(Charset, PrefixCutsNoCharacter) {
  EXPECT_EQ(utf8_prefix("파발", 6), "파발");
  EXPECT_EQ(utf8_prefix("파발", 5), "파");
  EXPECT_EQ(utf8_prefix("파발", 2), "");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
}

}  // namespace
}  // namespace pabal::message
