#include "message/compose.h"

#include <gtest/gtest.h>

#include "message/build.h"
#include "message/message.h"

namespace pabal::message {
namespace {

Outline leaf(std::string type, std::string content, std::string header = "") {
  Outline out;
  out.header = std::move(header);
  out.type = std::move(type);
  out.content = std::move(content);
  return out;
}

void expect_same(const Outline& wanted, const Part& part, std::string_view bytes) {
  EXPECT_EQ(part.type + "/" + part.subtype, wanted.type);
  ASSERT_EQ(part.children.size(), wanted.parts.size());
  if (wanted.parts.empty()) { EXPECT_EQ(decode_body(part.body(bytes), part.encoding), wanted.content); }
  for (size_t i = 0; i < wanted.parts.size(); ++i) expect_same(wanted.parts[i], part.children[i], bytes);
}

TEST(Compose, ParsingGivesTheSamePartsBack) {
  SeededRandom random(1);
  std::string octets;
  for (int i = 0; i < 70'000; ++i) octets += static_cast<char>(random.next_u64());
  Outline root, inner;
  root.header = "From: a@example.com\r\n";
  root.type = "multipart/mixed";
  inner.type = "multipart/alternative";
  inner.params = {{"boundary", "theirs"}, {"charset", "x y"}};
  inner.parts = {leaf("text/plain", "plain\r\n--not a boundary"),
                 leaf("text/html", "<b>caf\xC3\xA9</b>\r\n"),
                 leaf("text/plain", std::string(2'000, 'x')),
                 leaf("text/plain", "bare\nline ends\rhere"),
                 leaf("text/plain", ""),
                 leaf("text/plain", "\xEC\x95\x88\xEB\x85\x95\xED\x95\x98\xEC\x84\xB8\xEC\x9A\x94")};
  root.parts = {inner, leaf("application/pdf", octets, "Content-ID: <x@y>\r\n"), leaf("image/png", ""),
                leaf("message/rfc822", "Subject: inside\r\n\r\nHello\r\n")};
  const auto made = compose(root, random);
  ASSERT_TRUE(made);
  const Message parsed = parse(*made);
  ASSERT_EQ(parsed.root.children.size(), 4u);
  expect_same(inner, parsed.root.children[0], *made);
  expect_same(root.parts[1], parsed.root.children[1], *made);
  expect_same(root.parts[2], parsed.root.children[2], *made);
  EXPECT_EQ(parsed.root.children[3].body(*made), root.parts[3].content);
  EXPECT_EQ(parsed.root.children[1].id, "<x@y>");
  EXPECT_EQ(*parsed.root.children[0].param("charset"), "x y");
  EXPECT_FALSE(parsed.has_8bit);
  EXPECT_TRUE(is_7bit(*made));
  EXPECT_EQ(parsed.summary.from.size(), 1u);
}

TEST(Compose, WhatIsNoMessageIsRefused) {
  SeededRandom random(1);
  Outline root;
  root.type = "text";
  EXPECT_EQ(compose(root, random).code(), Code::kInvalid);
  root.type = "text/plain\r\nX: y";
  EXPECT_EQ(compose(root, random).code(), Code::kInvalid);
  root.type = "multipart/mixed";
  EXPECT_EQ(compose(root, random).code(), Code::kInvalid) << "no parts";
  root.type = "text/plain";
  root.parts.emplace_back();
  EXPECT_EQ(compose(root, random).code(), Code::kInvalid) << "parts in a text";
  root.type = "multipart/mixed";
  root.parts.resize(kMaxParts);
  EXPECT_EQ(compose(root, random).code(), Code::kLimit);
  root.parts.resize(kMaxParts - 1);
  const auto made = compose(root, random);
  ASSERT_TRUE(made);
  EXPECT_FALSE(parse(*made).truncated);
  Outline deep;
  for (size_t i = 0; i < kMaxDepth + 1; ++i) {
    Outline around;
    around.type = "multipart/mixed";
    around.parts.push_back(std::move(deep));
    deep = std::move(around);
  }
  EXPECT_EQ(compose(deep, random).code(), Code::kLimit);
}

}  // namespace
}  // namespace pabal::message
