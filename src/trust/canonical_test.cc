#include "trust/canonical.h"

#include <random>

#include "trust/header_index.h"
#include "trust/test_signatures.h"

namespace pabal::trust {
namespace {

using Form = Canonicalization;

// The canonical body said once more, slowly and after the text of RFC 6376 §3.4.3 and §3.4.4.
std::string canonical(Form how, const std::string& body) {
  std::vector<std::string> lines;
  std::string rest = body;
  for (size_t end; (end = rest.find("\r\n")) != rest.npos; rest.erase(0, end + 2)) lines.push_back(rest.substr(0, end));
  if (!rest.empty()) lines.push_back(rest);
  if (how == Form::kRelaxed)
    for (std::string& line : lines) {
      std::string out;
      for (char c : line)
        if (!text::is_wsp(c))
          out += c;
        else if (!out.ends_with(' '))
          out += ' ';
      if (out.ends_with(' ')) out.pop_back();
      line = out;
    }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  for (const std::string& line : lines) out += line + "\r\n";
  return out.empty() && how == Form::kSimple ? "\r\n" : out;
}

std::string hash(Form how, const std::string& body, size_t piece = 1 << 20) {
  BodyHasher hasher;
  hasher.want(how);
  for (size_t at = 0; at < body.size(); at += piece) hasher.feed(std::string_view(body).substr(at, piece));
  hasher.finish();
  return hasher.hash(how);
}

TEST(Canonical, HashesEmptyBodiesAsTheStandardSays) {
  // RFC 6376 §3.4.3, §3.4.4.
  for (const std::string body : {"", "\r\n", "\r\n\r\n\r\n"}) {
    EXPECT_EQ(text::base64(hash(Form::kSimple, body)), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
    EXPECT_EQ(text::base64(hash(Form::kRelaxed, body)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  }
  EXPECT_EQ(hash(Form::kRelaxed, " \t"), hash(Form::kRelaxed, ""));
}

TEST(Canonical, BodiesOfTheStandardsExample) {  // RFC 6376 §3.4.5
  const std::string body = " C \r\nD \t E\r\n\r\n\r\n";
  EXPECT_EQ(hash(Form::kRelaxed, body), sha256_of(" C\r\nD E\r\n"));
  EXPECT_EQ(hash(Form::kSimple, body), sha256_of(" C \r\nD \t E\r\n"));
}

TEST(Canonical, FieldsOfTheStandardsExample) {  // RFC 6376 §3.4.5
  std::string relaxed, simple;
  for (const std::string field : {"A: X\r\n", "B : Y\t\r\n\tZ  \r\n"}) {
    append_canonical_field(relaxed, Form::kRelaxed, field);
    append_canonical_field(simple, Form::kSimple, field);
  }
  EXPECT_EQ(relaxed, "a:X\r\nb:Y Z\r\n");
  EXPECT_EQ(simple, "A: X\r\nB : Y\t\r\n\tZ  \r\n");
}

TEST(Canonical, FieldsWithoutLineEndOrValue) {
  std::string out;
  append_canonical_field(out, Form::kRelaxed, "Subject:");
  append_canonical_field(out, Form::kRelaxed, "SUBJECT \t:  \r\n \t\r\n");
  append_canonical_field(out, Form::kSimple, "Subject: x");
  EXPECT_EQ(out, "subject:\r\nsubject:\r\nSubject: x\r\n");
}

// Whatever the text, in pieces of any size, the fast way and the slow way agree.
TEST(Canonical, AnyBodyInAnyPieces) {
  std::mt19937 random(6376);
  const std::string_view words[] = {" ",
                                    "  ",
                                    "\t",
                                    "\r\n",
                                    "\r\n\r\n",
                                    "\r",
                                    "\n",
                                    "\r\r\n",
                                    " \r\n",
                                    "a",
                                    "bc",
                                    "a line of text that is longer than a block of the fast way",
                                    "another one that\r\nhas an end\r\nof line in it and is long"};
  for (int round = 0; round < 3000; ++round) {
    std::string body;
    for (size_t n = random() % 40; n > 0; --n) body += words[random() % std::size(words)];
    for (const Form how : {Form::kSimple, Form::kRelaxed}) {
      const std::string wanted = sha256_of(canonical(how, body));
      for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{33}, size_t{1} << 20})
        ASSERT_EQ(text::hex(hash(how, body, piece)), text::hex(wanted))
            << (how == Form::kSimple ? "simple, " : "relaxed, ") << piece << ": " << text::printable(body, 3000);
    }
  }
}

TEST(Canonical, HashesBeginningsInTheSamePass) {
  const std::string body = "one  two \r\nthree\r\n\r\n", relaxed = canonical(Form::kRelaxed, body);
  BodyHasher hasher;
  hasher.want(Form::kRelaxed);
  for (const uint64_t length : {4, 0, 100, 12, 4}) hasher.want(Form::kRelaxed, length);
  hasher.want(Form::kRelaxed, relaxed.size());
  for (char c : body) hasher.feed({&c, 1});
  hasher.finish();
  for (const size_t length : {size_t{0}, size_t{4}, size_t{12}, relaxed.size()})
    EXPECT_EQ(hasher.hash(Form::kRelaxed, length), sha256_of(relaxed.substr(0, length))) << length;
  EXPECT_EQ(hasher.hash(Form::kRelaxed, 100), "");
  EXPECT_EQ(hasher.hash(Form::kRelaxed), sha256_of(relaxed));
  EXPECT_EQ(hasher.size(Form::kRelaxed), relaxed.size());

  BodyHasher nothing;
  nothing.want(Form::kRelaxed, 0);
  nothing.finish();
  EXPECT_EQ(nothing.hash(Form::kRelaxed, 0), sha256_of(""));
}

// A body of line ends and blanks is work in proportion, whatever the order of them.
TEST(Canonical, TortureIsLinear) {
  for (const std::string_view unit : {"\r\n", "\r", " ", "\t", " \r\n", "\r\r\n", "x\r\n\r\n", "\r\r\r\r\r\r\rx"}) {
    std::string body;
    while (body.size() < 1 << 20) body += unit;
    const auto begin = std::chrono::steady_clock::now();
    hash(Form::kRelaxed, body);
    hash(Form::kSimple, body, 1000);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2)) << text::printable(unit);
  }
}

// Inputs and results of the reference implementation of DomainKeys; its "simple" and "relaxed" are those of DKIM.
TEST(Canonical, FlankersBodiesAndFields) {
  const auto folder = test_signatures::shared("dkim/flanker");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no flanker in the shared data";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("email.")) continue;
    const std::string message = test_signatures::crlf(test_signatures::read_file(entry.path()));
    const HeaderIndex header(message);
    for (const Form how : {Form::kSimple, Form::kRelaxed}) {
      const std::string form = how == Form::kSimple ? "simple" : "relaxed";
      const std::string expected = test_signatures::read_file(folder / (form + ".expected." + name.substr(6)));
      std::string ours;
      for (size_t i = 0; i < header.fields().size(); ++i) append_canonical_field(ours, how, header.text(i));
      std::string body = canonical(how, std::string(header.body()));
      EXPECT_EQ(hash(how, std::string(header.body())), sha256_of(body));
      ++seen;
      // Its last lines of blanks stay; RFC 6376 §3.4.4 makes them empty, and empty lines at the end go.
      if (name == "email.24" && how == Form::kRelaxed) continue;
      EXPECT_EQ(text::printable(ours + "\r\n" + body, 2000), text::printable(test_signatures::crlf(expected), 2000))
          << name << " " << form;
    }
  }
  EXPECT_EQ(seen, 30);
}

}  // namespace
}  // namespace pabal::trust
