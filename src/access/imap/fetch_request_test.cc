#include "access/imap/fetch_request.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

std::optional<FetchRequest> parse(std::string_view text) {
  Words words(text);
  return parse_fetch(words);
}
std::string labels(std::string_view text) {
  const auto request = parse(text);
  if (!request) return "malformed";
  std::string out;
  for (const FetchItem& item : request->items) out += (out.empty() ? "" : "; ") + item.label;
  return out;
}

TEST(FetchRequest, MacrosStandForTheirItems) {
  using Kind = FetchItem::Kind;
  const auto kinds = [](std::string_view text) {
    std::vector<Kind> out;
    const auto request = parse(text);
    for (const FetchItem& item : request->items) out.push_back(item.kind);
    return out;
  };
  EXPECT_EQ(kinds("ALL"), (std::vector<Kind>{Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope}));
  EXPECT_EQ(kinds("fast"), (std::vector<Kind>{Kind::kFlags, Kind::kInternalDate, Kind::kSize}));
  EXPECT_EQ(kinds("FULL"),
            (std::vector<Kind>{Kind::kFlags, Kind::kInternalDate, Kind::kSize, Kind::kEnvelope, Kind::kBody}));
  EXPECT_EQ(kinds("(UID BODY BODYSTRUCTURE)"), (std::vector<Kind>{Kind::kUid, Kind::kBody, Kind::kBodyStructure}));
  EXPECT_FALSE(parse("(ALL)"));  // macros stand alone
  EXPECT_FALSE(parse("ALL FLAGS"));
}

TEST(FetchRequest, AnswersAreLabelledAsAsked) {
  EXPECT_EQ(labels("BODY[]"), "BODY[]");
  EXPECT_EQ(labels("body.peek[header]"), "BODY[HEADER]");
  EXPECT_EQ(labels("BODY[1.2.3]"), "BODY[1.2.3]");
  EXPECT_EQ(labels("BODY[1.mime]"), "BODY[1.MIME]");
  EXPECT_EQ(labels("BODY[2.HEADER.FIELDS (From \"To\")]"), "BODY[2.HEADER.FIELDS (From To)]");
  EXPECT_EQ(labels("BODY[HEADER.FIELDS.NOT (\"X Y\")]"), "BODY[HEADER.FIELDS.NOT (\"X Y\")]");
  EXPECT_EQ(labels("BODY[TEXT]<10.20>"), "BODY[TEXT]<10>");
  EXPECT_EQ(labels("BINARY.PEEK[1]<0.5>"), "BINARY[1]<0>");
  EXPECT_EQ(labels("BINARY.SIZE[1.2]"), "BINARY.SIZE[1.2]");
  EXPECT_EQ(labels("(RFC822 RFC822.HEADER RFC822.TEXT)"), "RFC822; RFC822.HEADER; RFC822.TEXT");
}

TEST(FetchRequest, PartsAndPartialsAreRead) {
  const auto request = parse("BODY.PEEK[3.1.HEADER.FIELDS (Subject)]<5.9223372036854775807>");
  ASSERT_TRUE(request);
  const Section& section = request->items[0].section;
  EXPECT_EQ(section.part, (std::vector<uint32_t>{3, 1}));
  EXPECT_EQ(section.what, Section::What::kFields);
  EXPECT_EQ(section.fields, std::vector<std::string>{"Subject"});
  EXPECT_TRUE(section.partial);
  EXPECT_EQ(section.offset, 5u);
  EXPECT_EQ(section.count, 9223372036854775807u);
}

TEST(FetchRequest, OnlySomeItemsSetSeenOrRead) {
  for (const std::string_view text : {"BODY[]", "BODY[HEADER]", "RFC822", "RFC822.TEXT", "BINARY[1]"})
    EXPECT_TRUE(parse(text)->sets_seen()) << text;
  for (const std::string_view text :
       {"BODY.PEEK[]", "BODY", "RFC822.HEADER", "BINARY.PEEK[1]", "BINARY.SIZE[1]", "PREVIEW"})
    EXPECT_FALSE(parse(text)->sets_seen()) << text;
  EXPECT_TRUE(parse("BODY.PEEK[]")->reads());
  EXPECT_FALSE(parse("BODY[HEADER]")->reads());
}

TEST(FetchRequest, OfTheOwnHeaderTheBodyIsNotNeeded) {
  for (const std::string_view text :
       {"BODY[HEADER]", "RFC822.HEADER", "(UID BODY.PEEK[HEADER.FIELDS (To)])", "BODY[HEADER.FIELDS.NOT (To)]<1.2>"}) {
    EXPECT_TRUE(parse(text)->needs().header) << text;
    EXPECT_FALSE(parse(text)->needs().body) << text;
  }
  for (const std::string_view text :
       {"BODY[]", "BODY[1.HEADER]", "BODY[1.MIME]", "BODY[TEXT]", "BINARY[1]", "RFC822"}) {
    EXPECT_FALSE(parse(text)->needs().header) << text;
    EXPECT_TRUE(parse(text)->needs().body) << text;
  }
  EXPECT_TRUE(parse("(RFC822.HEADER BODY[1])")->needs().body);
}

TEST(FetchRequest, PreviewMayBeLazy) {
  EXPECT_TRUE(parse("PREVIEW"));
  EXPECT_TRUE(parse("(PREVIEW (LAZY) UID)"));
  EXPECT_TRUE(parse("(PREVIEW UID)"));
  EXPECT_FALSE(parse("(PREVIEW (EAGER))"));
}

TEST(FetchRequest, WhatIsMalformedIsRefused) {
  for (const std::string_view text : {"",
                                      "()",
                                      "(UID",
                                      "UID)",
                                      "(UID  FLAGS)",
                                      "FOO",
                                      "BODY[",
                                      "BODY[]<0.0>",
                                      "BODY[]<5>",
                                      "BODY[]<-1.5>",
                                      "BODY[0]",
                                      "BODY[1.]",
                                      "BODY[.1]",
                                      "BODY[1..2]",
                                      "BODY[MIME]",
                                      "BODY[1MIME]",
                                      "BODY[HEADER.FIELDS]",
                                      "BODY[HEADER.FIELDS ()]",
                                      "BODY[HEADER.FIELDS (a]",
                                      "BODY[FOO]",
                                      "BINARY",
                                      "BINARY[HEADER]",
                                      "BINARY[1.MIME]",
                                      "BINARY.SIZE[1]<0.1>",
                                      "BODYSTRUCTURE[]",
                                      "UID FLAGS",
                                      "BODY[1] extra",
                                      "BODY[99999999999]"})
    EXPECT_FALSE(parse(text)) << text;
}

TEST(FetchRequest, ItemsDepthAndFieldsAreBounded) {
  std::string many = "(UID", deep = "BODY[1", fields = "BODY[HEADER.FIELDS (a";
  for (int i = 0; i < 300; ++i) many += " UID", deep += ".1", fields += " a";
  EXPECT_FALSE(parse(many + ")"));
  EXPECT_FALSE(parse(deep + "]"));
  EXPECT_FALSE(parse(fields + ")]"));
}

}  // namespace
}  // namespace pabal::access::imap
