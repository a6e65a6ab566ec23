#include "message/casemap.h"

#include <gtest/gtest.h>

namespace pabal::message {
namespace {

TEST(Casemap, ComparesAsRfc5051Says) {
  EXPECT_EQ(casemap("Hello"), casemap("hELLO"));
  EXPECT_EQ(casemap("\u00C9t\u00E9"), casemap("\u00E9T\u00C9")) << "accents in either case";
  EXPECT_EQ(casemap("\u00E9"), casemap("e\u0301")) << "composed and not";
  EXPECT_EQ(casemap("\u01C6"), casemap("\u01C4")) << "title case, where a letter has three";
  EXPECT_EQ(casemap("\uFF21"), "A") << "full width";
  EXPECT_NE(casemap("\u00DF"), casemap("ss")) << "simple mappings only";
  EXPECT_LT(casemap("apple"), casemap("Banana"));
  EXPECT_EQ(casemap("\xFF"), "\uFFFD") << "octets that are no UTF-8";
}

TEST(Casemap, ANeedleIsFoundInAnyCase) {
  EXPECT_TRUE(Needle("").in(""));
  EXPECT_TRUE(Needle("LL").in("hello"));
  EXPECT_FALSE(Needle("hello").in("hell"));
  EXPECT_TRUE(Needle("\u00FCber").in("WAR\u00DCBER"));
  EXPECT_TRUE(Needle("abc").in("\uFF41\uFF22\uFF23")) << "full width";
  EXPECT_TRUE(Needle("\uC6B0\uCCB4").in("\uC11C\uC6B8 \uC6B0\uCCB4\uAD6D"));
}

}  // namespace
}  // namespace pabal::message
