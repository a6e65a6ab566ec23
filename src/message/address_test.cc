#include "message/address.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "message/build.h"
#include "message/corpus_test.h"

namespace pabal::message {
namespace {

// "Display|local|domain" for each; groups as "[name" and "]".
std::vector<std::string> shown(std::string_view raw) {
  std::vector<std::string> out;
  for (const AddressItem& item : parse_address_list(raw)) switch (item.kind) {
      case AddressItem::kMailbox:
        out.push_back(item.display_text() + "|" + item.local + "|" + item.domain);
        break;
      case AddressItem::kGroupStart:
        out.push_back("[" + item.display_text());
        break;
      case AddressItem::kGroupEnd:
        out.push_back("]");
        break;
    }
  return out;
}

TEST(AddressList, ReadsWhatRfc5322AppendixAWrites) {
  using List = std::vector<std::string>;
  EXPECT_EQ(shown("John Doe <jdoe@machine.example>"), List{"John Doe|jdoe|machine.example"});
  EXPECT_EQ(shown("\"Joe Q. Public\" <john.q.public@example.com>"), List{"Joe Q. Public|john.q.public|example.com"});
  EXPECT_EQ(shown("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            (List{"Mary Smith|mary|x.test", "|jdoe|example.org", "Who?|one|y.test"}));
  EXPECT_EQ(shown("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            (List{"|boss|nil.test", "Giant; \"Big\" Box|sysservices|example.net"}));
  EXPECT_EQ(shown("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
            (List{"[A Group", "Ed Jones|c|a.test", "|joe|where.test", "John|jdoe|one.test", "]"}));
  EXPECT_EQ(shown("Undisclosed recipients:;"), (List{"[Undisclosed recipients", "]"}));
  // A.5 and A.6.1: comments and blanks everywhere, routes, empty members
  EXPECT_EQ(shown("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), List{"Pete|pete|silly.test"});
  EXPECT_EQ(shown("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         "
                  "joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)"),
            (List{"[A Group", "Chris Jones|c|public.example", "|joe|example.org", "John|jdoe|one.test", "]"}));
  EXPECT_EQ(shown("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"),
            (List{"[Hidden recipients", "]"}));
  EXPECT_EQ(shown("Joe Q. Public <john.q.public@example.com>"), List{"Joe Q. Public|john.q.public|example.com"});
  EXPECT_EQ(shown("Mary Smith <@node.test:mary@example.net>, , jdoe@test   . example"),
            (List{"Mary Smith|mary|example.net", "|jdoe|test.example"}));
  EXPECT_EQ(shown("<@a.test,@b.test:c@d.test>"), List{"|c|d.test"});
}

TEST(AddressList, ReadsWhatIsSeenInTheWild) {
  using List = std::vector<std::string>;
  const std::pair<const char*, List> cases[] = {
      {"", {}},
      {" ,;, ", {}},
      {"<>", {}},
      {"user@domain (Real Name)", {"Real Name|user|domain"}},
      {"Bob bob@x.test", {"Bob|bob|x.test"}},
      {"bob@x.test Bob", {"Bob|bob|x.test"}},
      {"a@b; c@d", {"|a|b", "|c|d"}},
      {"Bob <bob@x.test", {"Bob|bob|x.test"}},
      {"Bob <bob@x.test, eve@y.test", {"Bob|bob|x.test", "|eve|y.test"}},
      {"bob@x.test>", {"|bob|x.test"}},
      {"<<bob@x.test>>", {"|bob|x.test"}},
      {"A <a@b> B <c@d>", {"A|a|b", "B|c|d"}},
      {"<mailto:bob@x.test>", {"|bob|x.test"}},
      {"a@b@c", {"|a@b|c"}},
      {"\"a@b\" <c@d>", {"a@b|c|d"}},
      {"a@b <c@d>", {"a@b|c|d"}},
      {"root", {"|root|"}},
      {"No Address", {"|No Address|"}},
      {"\"quoted local\"@x.test", {"|quoted local|x.test"}},
      {"<\"a b\"@x.test>", {"|a b|x.test"}},
      {"x.\"a b\".y@x.test", {"|x.a b.y|x.test"}},
      {"bob@[192.0.2.1], <eve@[IPv6:2001:db8::1]>", {"|bob|[192.0.2.1]", "|eve|[IPv6:2001:db8::1]"}},
      {"[list] name <a@b>", {"[list] name|a|b"}},
      {"=?utf-8?Q?Last,_First:_x@y?= <a@b>", {"Last, First: x@y|a|b"}},
      {"\"=?utf-8?B?7YyM67Cc?=\" <a@b>", {"파발|a|b"}},
      {"\xC6\xC4 <a@b>", {"ÆÄ|a|b"}},
      {"파발 <우편@도메인.한국>", {"파발|우편|도메인.한국"}},
      {"Bob <bob @ x.test >", {"Bob|bob|x.test"}},
      {"Bob (unclosed <bob@x.test>", {"unclosed <bob@x.test>|Bob|"}},
      {"\"unclosed <bob@x.test>", {"|unclosed <bob@x.test>|"}},
      {"group: a@b", {"[group", "|a|b", "]"}},
  };
  for (const auto& [raw, expected] : cases) EXPECT_EQ(shown(raw), expected) << raw;
}

TEST(AddressList, WrittenAndReadAgainIsTheSame) {
  SeededRandom random(7);
  const std::vector<std::string> displays = {"",
                                             "Bob",
                                             "Bob Smith",
                                             "Smith, Bob",
                                             "Bob \"the\" Smith",
                                             "back\\slash",
                                             "파발 우체국",
                                             "é",
                                             "=?utf-8?q?x?=",
                                             "a  b",
                                             "dot.ted",
                                             "(paren)",
                                             std::string(200, 'x'),
                                             "파발 파발 파발 파발 파발 파발 파발 파발 파발 파발 파발"};
  const std::vector<std::string> locals = {"bob", "bob.smith", "a b",  "a\"b", "back\\slash",
                                           "x@y", "우편",      ".dot", "a+b",  "(x)"};
  const std::vector<std::string> domains = {"example.com", "도메인.한국", "[192.0.2.1]", "x"};
  for (int round = 0; round < 500; ++round) {
    std::vector<AddressItem> list;
    bool in_group = false;
    for (uint64_t n = 1 + random.below(6); n > 0; --n) {
      if (random.below(5) == 0) {
        if (std::exchange(in_group, !in_group))
          list.push_back({AddressItem::kGroupEnd, "", "", ""});
        else
          list.push_back({AddressItem::kGroupStart, displays[1 + random.below(displays.size() - 1)], "", ""});
      } else
        list.push_back({AddressItem::kMailbox, displays[random.below(displays.size())],
                        locals[random.below(locals.size())], domains[random.below(domains.size())]});
    }
    if (in_group) list.push_back({AddressItem::kGroupEnd, "", "", ""});
    const auto line = address_line("To", list);
    ASSERT_TRUE(line);
    auto again = parse_address_list(line->substr(3));
    ASSERT_EQ(again.size(), list.size()) << *line;
    for (size_t i = 0; i < list.size(); ++i) {
      again[i].display = again[i].display_text();
      // An ASCII local part may stand at the A-label form of its domain.
      if (ascii_domain(again[i].domain) == ascii_domain(list[i].domain)) again[i].domain = list[i].domain;
      EXPECT_EQ(again[i], list[i]) << *line;
    }
    for (const std::string_view row : text::split(*line, '\n')) EXPECT_LE(row.size(), 998u);
  }
}

TEST(AddrSpec, FollowsRfc5321) {
  for (const char* good : {"a@b", "a.b@c.d", "\"a b\"@c", "\"a\\\"b\"@c", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]",
                           "a+b=c@x_y.z", "!#$%&'*+-/=?^_`{|}~@x", "a@xn--3e0b707e"})
    EXPECT_TRUE(parse_addr_spec(good, false)) << good;
  const std::string long_local(65, 'x'), long_label(64, 'x');
  for (const std::string& bad : {std::string(""),
                                 std::string("a"),
                                 std::string("@b"),
                                 std::string("a@"),
                                 std::string("a.@b"),
                                 std::string(".a@b"),
                                 std::string("a..b@c"),
                                 std::string("a b@c"),
                                 std::string("a@b c"),
                                 std::string("a@b."),
                                 std::string("a@.b"),
                                 std::string("a@b..c"),
                                 std::string("a@-b"),
                                 std::string("a@b-"),
                                 std::string("<a@b>"),
                                 std::string("\"a@b"),
                                 std::string("\"a\"b@c"),
                                 std::string("\"\"@b"),
                                 std::string("a@[300.0.0.1]"),
                                 std::string("a@[x]"),
                                 std::string("a@b\r\n"),
                                 std::string("a\0b@c", 5),
                                 std::string("우편@x"),
                                 std::string("a@도메인"),
                                 long_local + "@x",
                                 "a@" + long_label})
    EXPECT_FALSE(parse_addr_spec(bad, false)) << bad;
}

TEST(AddrSpec, IsGivenBackAsItWasWritten) {
  for (const char* text :
       {"a@b.c", "\"a b\"@c", "\"a\\\"b\"@c", "\"a\\\\b\"@c", "\"x@y\"@c", "a@[192.0.2.1]", "우편@도메인.한국"}) {
    const auto parsed = parse_addr_spec(text, true);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), text);
  }
  EXPECT_EQ(parse_addr_spec("\"plain\"@B.C", false)->text(), "plain@b.c");  // quotes only where they are needed
  EXPECT_EQ(Address{}.text(), "");
}

TEST(Domain, InternationalNamesHaveOneAsciiForm) {
  EXPECT_EQ(ascii_domain("Example.COM"), "example.com");
  EXPECT_EQ(ascii_domain("example.com."), "example.com");
  EXPECT_EQ(ascii_domain("Bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(ascii_domain("faß.de"), "xn--fa-hia.de");  // non-transitional
  EXPECT_EQ(ascii_domain("\xED\x95\x9C\xEA\xB5\xAD"), "xn--3e0b707e");
  EXPECT_EQ(ascii_domain("[192.0.2.1]"), "[192.0.2.1]");
  for (const char* bad : {"", ".", "a..b", "-a", "a-", "a b", "a/b", "\xFF", "[x]"})
    EXPECT_EQ(ascii_domain(bad), "") << bad;
  EXPECT_EQ(unicode_domain("xn--bcher-kva.example"), "bücher.example");
  EXPECT_EQ(unicode_domain("xn--\xFF"), "xn--\xFF");  // no A-label: as it is
  EXPECT_EQ(unicode_domain(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(FlankerCorpus, ValidAndInvalidMailboxesAreTold) {
  PABAL_NEEDS_CORPUS("flanker");
  const std::map<std::string, std::string> differs = {
      {"Bill Gates <\"billy\"@retired.Micr!osoft99.com>", "RFC 5321 §4.1.2: no \"!\" in a domain"},
      {"test@xn--example.com", "an A-label is not decoded here: the DNS will not have it"},
  };
  std::set<std::string> met;
  size_t count = 0;
  const auto accepted = [](std::string_view line) {  // an address of the envelope, or a mailbox of a header with one
    if (parse_addr_spec(line, true)) return true;
    const auto list = parse_address_list(line);
    return line.find_first_of("<(") != line.npos && list.size() == 1 &&
           parse_addr_spec(list[0].address(), true).has_value();
  };
  for (const bool valid : {true, false}) {
    const std::string lines =
        corpus::read(corpus::folder("flanker") / (valid ? "mailbox_valid.txt" : "mailbox_invalid.txt"));
    for (const std::string_view line : text::split(lines, '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      ++count;
      // Header fields are read leniently: only the envelope refuses.
      if ((valid ? accepted(line) : parse_addr_spec(line, true).has_value()) == valid) continue;
      met.insert(std::string(line));
      EXPECT_TRUE(differs.contains(std::string(line))) << line << " is " << (valid ? "valid" : "invalid") << " there";
    }
  }
  EXPECT_GT(count, 100u);
  for (const auto& [line, reason] : differs) EXPECT_TRUE(met.contains(line)) << line << ": " << reason;
}

TEST(Subject, BaseSubjectFollowsRfc5256) {
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"hello", "hello", false},
      {"Re: hello", "hello", true},
      {"RE:re: Fwd: FW:hello", "hello", true},
      {"Re[2]: hello", "hello", true},
      {"[list] Re: hello (fwd)", "hello", true},
      {"[list] hello", "hello", false},
      {"[list]", "[list]", false},
      {"[Fwd: hello]", "hello", true},
      {"[fwd: [fwd: re: hello]]", "hello", true},
      {"  re :  a   b\t", "a b", true},
      {"Re", "Re", false},
      {"Reply: x", "Reply: x", false},
      {"=?utf-8?q?Re:_x?=", "x", true},
      {"", "", false},
      {"Re:", "", true},
  };
  for (const auto& [raw, base, reply] : cases) {
    EXPECT_EQ(base_subject(raw), base) << raw;
    EXPECT_EQ(is_reply_subject(raw), reply) << raw;
  }
}

}  // namespace
}  // namespace pabal::message
