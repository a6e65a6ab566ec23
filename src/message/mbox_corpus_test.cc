// GMime's and imaptest's mailboxes: messages between "From " lines, with the expected types beside or, where there is no such
// file, said here.
#include "message/corpus_test.h"
#include "message/tree_test.h"

namespace pabal::message {
namespace {

// Messages of an mbox file, without their "From " lines.
std::vector<std::string> messages_of(const std::string& mbox) {
  std::vector<std::string> out;
  for (size_t at = 0; at < mbox.size();) {
    const size_t begin = mbox.find('\n', at) + 1;
    const size_t next = mbox.find("\nFrom ", begin);
    out.push_back(mbox.substr(begin, next == mbox.npos ? next : next + 1 - begin));
    at = next == mbox.npos ? mbox.size() : next + 1;
  }
  return out;
}

void add_types(const Part& part, std::string indent, std::string& out) {
  out += indent + "Content-Type: " + part.type + "/" + part.subtype + "\n";
  for (const Part& child : part.children) add_types(child, indent + "   ", out);
}

TEST(GmimeCorpus, BoundariesThatArePrefixesGiveTheExpectedTypes) {
  PABAL_NEEDS_CORPUS("gmime/mbox/input");
  const auto messages = messages_of(corpus::read(corpus::folder("gmime/mbox/input/substring.mbox")));
  ASSERT_EQ(messages.size(), 3u);
  std::string expected = corpus::read(corpus::folder("gmime/mbox/output/substring.mbox"));
  for (size_t i = 0; i < messages.size(); ++i) {
    std::string ours;
    const Message m = parse(messages[i]);
    EXPECT_EQ(broken_promise(messages[i], m), "");
    add_types(m.root, "", ours);
    const size_t begin = expected.find("Content-Type:"), end = expected.find("\n\n", begin);
    const std::string theirs = expected.substr(begin, end + 1 - begin);
    expected.erase(0, end + 1);
    // The third has boundary="": RFC 2046 §5.1.1 wants one character at least, and "--" alone begins many a signature.
    EXPECT_EQ(ours, i < 2 ? theirs : "Content-Type: multipart/mixed\n");
  }
}

TEST(ImaptestCorpus, ABoundaryThatIsFoldedIsUnfolded) {
  PABAL_NEEDS_CORPUS("imaptest");
  const auto messages = messages_of(corpus::read(corpus::folder("imaptest/fetch-bodystructure.mbox")));
  ASSERT_EQ(messages.size(), 1u);
  // imaptest's script wants (("text" "x-myown" ("charset" "us-ascii") NIL NIL "7bit" 7 1) "mixed") of it.
  const std::string bytes = corpus::with_crlf(messages[0]);
  const Message m = parse(bytes);
  ASSERT_EQ(m.root.children.size(), 1u);
  const Part& text = m.root.children[0];
  EXPECT_EQ(text.type + "/" + text.subtype, "text/x-myown");
  EXPECT_EQ(text.charset(), "us-ascii");
  EXPECT_EQ(text.body_size, 7u);
  EXPECT_EQ(text.body_lines, 1u);
}

TEST(ImaptestCorpus, EveryMessageKeepsThePromises) {
  PABAL_NEEDS_CORPUS("imaptest");
  size_t count = 0;
  for (const auto& path : corpus::files(corpus::folder("imaptest"), {".mbox"}))
    for (const std::string& bytes : messages_of(corpus::read(path))) {
      const Message m = parse(bytes);
      EXPECT_EQ(broken_promise(bytes, m), "") << path;
      ++count;
    }
  EXPECT_GT(count, 100u);
}

}  // namespace
}  // namespace pabal::message
