// apache/james-mime4j's messages: X.msg against X_decoded.xml, which names a file with the decoded octets of each leaf.
#include "message/corpus_test.h"

namespace pabal::message {
namespace {

// Where the expectation there is not what the RFCs say, or not what we choose to say.
const corpus::Differences::Table kDiffers = {
    {"multi-2gifs-base64 kind",
     "a base64 message/rfc822 (forbidden, RFC 2046 §5.2.1) stays closed: nothing in it has an offset"},
    {"multi-2gifs-base64 children",
     "a base64 message/rfc822 (forbidden, RFC 2046 §5.2.1) stays closed: nothing in it has an offset"},
    {"basic-plain-with-bad-header-separator content",
     "two lines that are no fields begin the body here; there they are dropped"},
    {"malformedHeader-noheader content", "no header at all: the text is the body; there it is a broken header"},
    {"malformedHeaderStartsBody-noheader content", "the same: only the first line is kept there"},
    {"malformedHeaderStartsBody-nocrlfcrlf",
     "one broken line between fields is passed over, as in malformedHeader-nocrlfcrlf, the same message"},
    {"very-long-boundary",
     "RFC 2046 §5.1.1: a boundary does not end in blanks, and blanks that gateways add behind it do not count"},
    {"very-very-long-boundary children",
     "7,000 octets, RFC 2046 §5.1.1 allows 70: beyond kMaxBoundaryBytes the part stays closed"},
    {"frag 2.1.2.1.2.1.2.content",
     "base64 that is cut inside a group: the octets of that group that are whole count here"},
};

struct Node {
  std::vector<std::string> fields;
  std::string kind;  // "multipart", "message", "text-body", "binary-body"
  std::string file;  // of a leaf
  std::string preamble, epilogue;
  std::vector<Node> children;
};

// Reads the few tags of these files; they come line by line, fields with their line ends as in the message.
class Reader {
 public:
  explicit Reader(std::string text) : in_(corpus::with_lf(text)) { next(); }

  Node message() {
    expect("<message>");
    Node node = entity();
    expect("</message>");
    return node;
  }

 private:
  // The next tag into tag_, the text before it into text_.
  void next() {
    const size_t open = in_.find('<', at_);
    const size_t close = in_.find('>', open);
    if (close == in_.npos) {
      tag_.clear();
      return;
    }
    text_ = in_.substr(at_, open - at_);
    tag_ = in_.substr(open, close - open + 1);
    at_ = close + 1 + (close + 1 < in_.size() && in_[close + 1] == '\n');
  }
  void expect(std::string_view tag) {
    if (tag_ != tag) throw std::runtime_error("expected " + std::string(tag) + ", found " + tag_);
    next();
  }
  bool take(std::string_view tag) {
    if (tag_ != tag) return false;
    next();
    return true;
  }
  std::string plain() const {
    std::string out = text_;
    for (const auto& [entity, c] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}})
      for (size_t at = out.find(entity); at != out.npos; at = out.find(entity, at + 1))
        out.replace(at, std::string(entity).size(), c);
    return out;
  }

  Node entity() {
    Node node;
    expect("<header>");
    while (take("<field>")) {
      node.fields.push_back(plain());
      expect("</field>");
    }
    expect("</header>");
    if (take("<multipart>")) {
      node.kind = "multipart";
      if (take("<preamble>")) {
        node.preamble = plain();
        expect("</preamble>");
      }
      while (take("<body-part>")) {
        node.children.push_back(entity());
        expect("</body-part>");
      }
      if (take("<epilogue>")) {
        node.epilogue = plain();
        expect("</epilogue>");
      }
      expect("</multipart>");
    } else if (tag_ == "<message>") {
      node.kind = "message";
      node.children.push_back(message());
    } else if (tag_.find("-body name=") != tag_.npos) {
      node.kind = tag_.substr(1, tag_.find(' ') - 1);
      node.file = tag_.substr(tag_.find('"') + 1, tag_.rfind('"') - tag_.find('"') - 1);
      next();
    }
    return node;
  }

  std::string in_, text_, tag_;
  size_t at_ = 0;
};

class Runner {
 public:
  Runner(corpus::Differences& differences, std::filesystem::path path, std::string_view bytes)
      : differences_(differences), path_(std::move(path)), bytes_(bytes) {}

  void part(const std::string& where, const Part& p, const Node& expected) {
    std::vector<std::string> fields;
    const std::string_view head = p.header(bytes_);
    for (const HeaderField& f : header_fields(head)) {
      std::string field = corpus::with_lf(head.substr(f.offset, f.size));
      if (field.ends_with('\n')) field.pop_back();
      fields.push_back(std::move(field));
    }
    same(where + "fields", fields, expected.fields);
    std::string kind = "binary-body";
    if (p.is_multipart())
      kind = "multipart";
    else if (p.is_message() && !p.children.empty())
      kind = "message";
    else if (p.is_text())
      kind = "text-body";
    same(where + "kind", kind, expected.kind);
    same(where + "children", p.children.size(), expected.children.size());
    for (size_t i = 0; i < std::min(p.children.size(), expected.children.size()); ++i)
      part(where + std::to_string(i + 1) + ".", p.children[i], expected.children[i]);
    if (!expected.file.empty()) {
      std::string ours = part_content(bytes_, p), theirs = corpus::read(path_.parent_path() / expected.file);
      if (expected.kind == "text-body") {  // checked out with either line end
        ours = corpus::with_lf(ours);
        theirs = corpus::with_lf(theirs);
      }
      same(where + "content", ours, theirs);
    }
  }

 private:
  template <typename A, typename B>
  void same(const std::string& what, const A& ours, const B& theirs) {
    differences_.compare(path_.stem().string(), what, ours, theirs);
  }

  corpus::Differences& differences_;
  std::filesystem::path path_;
  std::string_view bytes_;
};

TEST(Mime4jCorpus, EveryMessageHasItsExpectedTree) {
  PABAL_NEEDS_CORPUS("james-mime4j");
  corpus::Differences differences(kDiffers);
  for (const auto& path : corpus::files(corpus::folder("james-mime4j"), {".msg"})) {
    std::filesystem::path expected = path;
    expected.replace_filename(path.stem().string() + "_decoded.xml");
    if (!std::filesystem::exists(expected)) continue;
    const std::string bytes = corpus::read(path);
    Node tree;
    try {
      tree = Reader(corpus::read(expected)).message();
    } catch (const std::runtime_error& e) {
      ADD_FAILURE() << expected << ": " << e.what();
      continue;
    }
    Runner(differences, path, bytes).part("", parse(bytes).root, tree);
  }
  EXPECT_GT(differences.compared(), 500u);
  differences.expect_all_met();
}

}  // namespace
}  // namespace pabal::message
