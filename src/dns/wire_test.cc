#include "dns/wire.h"

#include <gtest/gtest.h>

namespace pabal::dns {
namespace {

std::string raw(std::initializer_list<int> octets) {
  std::string out;
  for (int o : octets) out += static_cast<char>(o);
  return out;
}

TEST(Wire, NamesAreLabelsJoinedByDots) {
  EXPECT_EQ(*name_from_wire(raw({2, 'M', 'x', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0})), "mx.example");
  EXPECT_EQ(*name_from_wire(raw({0})), "");
}

TEST(Wire, NamesThatAreCutOrHostileAreRefused) {
  EXPECT_FALSE(name_from_wire(""));
  EXPECT_FALSE(name_from_wire(raw({2, 'm'})));
  EXPECT_FALSE(name_from_wire(raw({2, 'm', 'x'})));  // no end
  EXPECT_FALSE(name_from_wire(raw({0xC0, 0x0C})));   // compression has no place in RDATA given to us
  EXPECT_FALSE(name_from_wire(raw({64}) + std::string(64, 'a') + raw({0})));
  EXPECT_FALSE(name_from_wire(raw({3, 'a', '.', 'b', 0})));   // would read as two labels
  EXPECT_FALSE(name_from_wire(raw({3, 'a', '\n', 'b', 0})));  // would break a log line
  EXPECT_FALSE(name_from_wire(raw({3, 'a', 0, 'b', 0})));
  std::string endless;
  for (int i = 0; i < 200; ++i) endless += raw({1, 'a'});
  EXPECT_FALSE(name_from_wire(endless + raw({0})));
}

TEST(Wire, RecordsOfEveryType) {
  EXPECT_EQ(record_from_wire(Type::kA, raw({192, 0, 2, 1}))->data, "192.0.2.1");
  EXPECT_EQ(record_from_wire(Type::kAaaa, raw({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}))->data,
            "2001:db8::1");
  const auto mx = record_from_wire(Type::kMx, raw({1, 2, 1, 'a', 0}));
  EXPECT_EQ(mx->preference, 258);
  EXPECT_EQ(mx->data, "a");
  EXPECT_EQ(record_from_wire(Type::kMx, raw({0, 0, 0}))->data, "");  // RFC 7505
  EXPECT_EQ(record_from_wire(Type::kTxt, raw({2, 'a', 'b', 0, 1, 'c'}))->data, "abc");
  EXPECT_EQ(record_from_wire(Type::kTlsa, raw({3, 1, 1, 9}))->data, raw({3, 1, 1, 9}));
  EXPECT_EQ(record_from_wire(Type::kPtr, raw({1, 'P', 0}))->data, "p");
  const auto srv = record_from_wire(Type::kSrv, raw({0, 10, 0, 1, 3, 0xE1, 1, 'A', 0}));
  EXPECT_EQ(srv->data, "a");
  EXPECT_EQ(srv->preference, 10);
  EXPECT_EQ(srv->weight, 1);
  EXPECT_EQ(srv->port, 993);
  EXPECT_EQ(record_from_wire(Type::kSrv, raw({0, 0, 0, 0, 0, 0, 0}))->data, "");  // RFC 2782: not offered
}

TEST(Wire, RecordsOfTheWrongSizeAreRefused) {
  EXPECT_FALSE(record_from_wire(Type::kA, raw({192, 0, 2})));
  EXPECT_FALSE(record_from_wire(Type::kA, raw({192, 0, 2, 1, 1})));
  EXPECT_FALSE(record_from_wire(Type::kAaaa, raw({192, 0, 2, 1})));
  EXPECT_FALSE(record_from_wire(Type::kMx, raw({0, 1})));
  EXPECT_FALSE(record_from_wire(Type::kMx, raw({0, 1, 5, 'a'})));
  EXPECT_FALSE(record_from_wire(Type::kTxt, raw({3, 'a', 'b'})));
  EXPECT_FALSE(record_from_wire(Type::kSrv, raw({0, 10, 0, 1, 3, 0xE1})));
  EXPECT_FALSE(record_from_wire(Type::kSrv, raw({0, 10, 0, 1, 3, 0xE1, 2, 'a'})));
  EXPECT_FALSE(record_from_wire(Type::kCname, ""));
}

}  // namespace
}  // namespace pabal::dns
