#include "base/text.h"

#include <gtest/gtest.h>

namespace pabal::text {
namespace {

TEST(Text, CaseIsThatOfAsciiAndNoOther) {
  EXPECT_EQ(lowered("AbZ[@`é\xC9"), "abz[@`é\xC9");
  EXPECT_EQ(uppered("aBz{@`é\xE9"), "ABZ{@`é\xE9");
  EXPECT_TRUE(iequals("Content-TYPE", "content-type"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("@", "`"));  // they differ in the case bit only
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_TRUE(iequals("", ""));
}

TEST(Text, PrefixesAndPartsAreFoundWithoutCase) {
  EXPECT_TRUE(istarts_with("MAIL FROM:<>", "mail from:"));
  EXPECT_TRUE(istarts_with("x", ""));
  EXPECT_FALSE(istarts_with("MAIL", "MAIL FROM"));
  EXPECT_TRUE(icontains("Re: Hello", "HELLO"));
  EXPECT_TRUE(icontains("", ""));
  EXPECT_TRUE(icontains("x", ""));
  EXPECT_FALSE(icontains("hell", "hello"));
}

TEST(Text, TrimTakesSpaceTabCrLfAtBothEndsOnly) {
  EXPECT_EQ(trim(" \t\r\na b\r\n"), "a b");
  EXPECT_EQ(trim("\v x \f"), "\v x \f");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, SplitKeepsEmptyPartsAndJoinPutsThemBack) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,b", ','), (Parts{"a", "b"}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(join({"a", "", "b", ""}, ","), "a,,b,");
  EXPECT_EQ(join({}, ","), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
}

TEST(Text, Utf8RefusesOverlongSurrogateAndCutForms) {
  for (const char* good : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "파발 \xF0\x9F\x93\xAC"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE3\x81",
                          "\xE3\x81\x41", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "ok\xC3"})
    EXPECT_FALSE(is_utf8(bad)) << hex(bad);
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_ascii("plain\x7F"));
  EXPECT_FALSE(is_ascii("é"));
}

TEST(Text, NumbersRefuseSignsBlanksAndOverflow) {
  EXPECT_EQ(parse_u64("0"), 0u);
  EXPECT_EQ(parse_u64("007"), 7u);
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1 ", " 1", "0x1", "1.0", "18446744073709551616", "99999999999999999999",
                          "000000000000000000000"})
    EXPECT_FALSE(parse_u64(bad)) << bad;
}

TEST(Text, PrintableEscapesControlsAndCutsLongText) {
  EXPECT_EQ(printable("a\r\n\0b\x7F é\x1B"), "a\\x0D\\x0A");  // a C string ends at NUL
  EXPECT_EQ(printable(std::string_view("\0\x1B\x7F", 3)), "\\x00\\x1B\\x7F");
  EXPECT_EQ(printable("é파"), "é파");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Text, HexGoesBothWaysAndRefusesOtherDigits) {
  EXPECT_EQ(hex("\x01\xAB\xFF"), "01abff");
  EXPECT_EQ(unhex("01aBFf"), "\x01\xAB\xFF");
  EXPECT_EQ(unhex(""), "");
  for (const char* bad : {"0", "0g", "g0", " 0", "0x"}) EXPECT_FALSE(unhex(bad)) << bad;
}

TEST(Text, Base64FollowsRfc4648Section10) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(base64(plain), coded);
    EXPECT_EQ(unbase64(coded), plain);
  }
}

TEST(Text, Base64RefusesWhatIsNotCanonical) {
  for (const char* bad :
       {"Zg=", "Zg", "Z===", "====", "=", "Zg==Zg==", "Z g=", "Zg==\n", "Zh==", "Zm9=", "-_8=", "Zm9v\x80", "Z=g="})
    EXPECT_FALSE(unbase64(bad)) << bad;
  EXPECT_EQ(base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(unbase64("+/8="), "\xfb\xff");
}

TEST(Text, TheUrlAlphabetHasItsOwnDigitsAndNeedsNoPadding) {
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(unbase64url("-_8"), "\xfb\xff");
  EXPECT_EQ(unbase64url("-_8="), "\xfb\xff");
  EXPECT_EQ(unbase64url(""), "");
  for (const char* bad : {"+/8", "-_9", "A", "AAAAA"}) EXPECT_FALSE(unbase64url(bad)) << bad;
}

TEST(Text, EveryOctetSurvivesBothEncodings) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    EXPECT_EQ(unbase64(base64(all)), all);
    EXPECT_EQ(unbase64url(base64url(all)), all);
    EXPECT_EQ(unhex(hex(all)), all);
  }
}

TEST(Text, SecretsAreTheSameOnlyWhenEqual) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("secret", "secret"));
  for (const auto& [a, b] : {std::pair("secret", "secres"), std::pair("secret", "Secret"), std::pair("a", ""),
                             std::pair("", "a"), std::pair("aa", "a"), std::pair("a", "aa"), std::pair("abab", "ab")})
    EXPECT_FALSE(same_secret(a, b)) << a << " " << b;
  EXPECT_FALSE(same_secret(std::string_view("\0", 1), ""));
}

}  // namespace
}  // namespace pabal::text
