#include "sieve/parser.h"

#include "base/text.h"

namespace pabal::sieve {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view script) : lexer_(script) { take(); }

  Parsed parse() {
    Parsed out;
    while (!failed() && token_.kind != Token::kEnd) {
      if (is('}')) {
        fail(token_.at, "this } closes nothing; remove it");
        break;
      }
      out.script.push_back(command(1));
    }
    out.faults = std::move(faults_);
    if (!out.faults.empty()) out.script.clear();
    return out;
  }

 private:
  bool failed() const { return !faults_.empty(); }
  bool is(char mark) const { return token_.kind == Token::kPunctuation && token_.mark == mark; }
  void fail(Place at, std::string what) {
    if (!failed()) faults_.push_back({at.line, at.column, std::move(what)});
  }
  void take() {
    token_ = lexer_.next();
    if (token_.kind == Token::kFault) {
      fail(token_.at, token_.text);
      token_.kind = Token::kEnd;
    }
  }
  bool take_if(char mark) {
    if (!is(mark)) return false;
    take();
    return true;
  }

  // Name, arguments and tests: what commands and tests have in common.
  Statement head(size_t depth) {
    Statement s;
    s.at = token_.at;
    if (depth > kMaxNesting) fail(s.at, "commands and tests are nested too deep here; split the script");
    if (++nodes_ > kMaxNodes) fail(s.at, "the script has too many commands and tests; split it");
    if (token_.kind != Token::kIdentifier) fail(s.at, "a command is expected here");
    s.name = std::move(token_.text);
    take();
    while (!failed()) {
      if (token_.kind == Token::kIdentifier) {
        s.tests.push_back(head(depth + 1));
        break;
      }
      if (is('(')) {
        test_list(s, depth);
        break;
      }
      if (!argument(s)) break;
    }
    return s;
  }

  void test_list(Statement& s, size_t depth) {
    s.test_list = true;
    const Place open = token_.at;
    take();
    do {
      if (token_.kind != Token::kIdentifier) return fail(token_.at, "a test is expected here");
      s.tests.push_back(head(depth + 1));
    } while (!failed() && take_if(','));
    if (!failed() && !take_if(')'))
      fail(token_.at, "the list of tests that begins in line " + std::to_string(open.line) +
                          " goes on with a comma or ends with )");
  }

  bool argument(Statement& s) {
    Argument a;
    a.at = token_.at;
    switch (token_.kind) {
      case Token::kTag:
        a.tag = std::move(token_.text);
        break;
      case Token::kNumber:
        a.kind = Argument::kNumber;
        a.number = token_.number;
        break;
      case Token::kString:
        a.kind = Argument::kString;
        a.strings.push_back({token_.at, std::move(token_.text)});
        break;
      case Token::kPunctuation:
        if (token_.mark != '[') return false;
        string_list(a);
        s.arguments.push_back(std::move(a));
        return true;
      default:
        return false;
    }
    take();
    s.arguments.push_back(std::move(a));
    return true;
  }

  void string_list(Argument& a) {
    a.kind = Argument::kList;
    take();
    do {
      if (token_.kind != Token::kString)
        return fail(token_.at, "a list holds texts in double quotes, with commas between them");
      a.strings.push_back({token_.at, std::move(token_.text)});
      take();
    } while (take_if(','));
    if (!take_if(']')) fail(token_.at, "the list goes on with a comma or ends with ]");
  }

  Statement command(size_t depth) {
    Statement s = head(depth);
    if (failed()) return s;
    if (take_if(';')) return s;
    if (!is('{')) {
      fail(token_.at, "\"" + s.name + "\" ends with a semicolon, or a block in { }; it is missing before here");
      return s;
    }
    s.has_block = true;
    const Place open = token_.at;
    take();
    while (!failed() && !is('}')) {
      if (token_.kind == Token::kEnd) {
        fail(open, "this block has no end; close it with }");
        return s;
      }
      s.block.push_back(command(depth + 1));
    }
    take();
    return s;
  }

  Lexer lexer_;
  Token token_;
  size_t nodes_ = 0;
  std::vector<Fault> faults_;
};

}  // namespace

Parsed parse_script(std::string_view script) { return Parser(script).parse(); }

}  // namespace pabal::sieve
