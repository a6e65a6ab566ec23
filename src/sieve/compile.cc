#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "base/text.h"
#include "sieve/check.h"
#include "sieve/grammar.h"
#include "sieve/parser.h"
#include "sieve/program.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

std::string quoted(std::string_view s) { return "\"" + text::printable(s, 60) + "\""; }

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kNumber:
      return "a number";
    case Type::kString:
      return "a text in double quotes";
    case Type::kStrings:
      return "a text in double quotes or a list of them in [ ]";
    case Type::kNone:
      break;
  }
  return "nothing";
}

bool fits(const Argument& argument, Type type) {
  switch (type) {
    case Type::kNumber:
      return argument.kind == Argument::kNumber;
    case Type::kString:
      return argument.kind == Argument::kString;
    case Type::kStrings:
      return argument.kind == Argument::kString || argument.kind == Argument::kList;
    case Type::kNone:
      break;
  }
  return false;
}

class Compiler {
 public:
  Compiled compile(std::string_view script) {
    if (script.size() > kMaxScriptBytes) {
      fault({1, 1}, "the script is too large; the most is 1 MiB");
    } else if (!check_octets(script)) {
      // said
    } else {
      Parsed parsed = parse_script(script);
      out_.faults = std::move(parsed.faults);
      auto program = std::make_shared<Program>();
      if (out_.faults.empty()) block(parsed.script, program->nodes);
      if (out_.faults.empty()) out_.program = std::move(program);
    }
    const auto in_order = [](const Fault& a, const Fault& b) {
      return std::tie(a.line, a.column, a.message) < std::tie(b.line, b.column, b.message);
    };
    std::sort(out_.faults.begin(), out_.faults.end(), in_order);
    std::sort(out_.warnings.begin(), out_.warnings.end(), in_order);
    return std::move(out_);
  }

 private:
  void fault(Place at, std::string what) {
    if (out_.faults.size() < kMaxFaults) out_.faults.push_back({at.line, at.column, std::move(what)});
  }
  void warn(Place at, std::string what) {
    if (out_.warnings.size() < kMaxFaults) out_.warnings.push_back({at.line, at.column, std::move(what)});
  }

  // RFC 5228 §2.1: UTF-8 without NUL.
  bool check_octets(std::string_view script) {
    if (text::is_utf8(script) && script.find('\0') == script.npos) return true;
    uint32_t line = 1;
    for (const std::string_view one : text::split(script, '\n')) {
      if (!text::is_utf8(one) || one.find('\0') != one.npos) break;
      ++line;
    }
    fault({line, 0}, "this line is not UTF-8 text; save the script as UTF-8");
    return false;
  }

  // One of the names in "a|b" is required, or none is asked for.
  bool enabled(std::string_view extension) const {
    if (extension.empty()) return true;
    for (const std::string_view name : text::split(extension, '|'))
      if (enabled_.contains(name)) return true;
    return false;
  }

  // A statement that cannot be run: a fault; with "ihave" one for the time it is reached (RFC 5463 §4).
  void unusable(Node& node, Place at, std::string what) {
    if (!enabled("ihave")) return fault(at, std::move(what));
    warn(at, what);
    node.op = Op::kFailure;
    node.operands.assign(1, Operand{Slot::kMessage, 0, 0, {{std::move(what), false}}});
    node.tests.clear();
    node.block.clear();
  }
  void missing(Node& node, Place at, std::string_view extension, std::string_view what) {
    const std::string_view name = extension.substr(0, extension.find('|'));
    unusable(node, at,
             quoted(what) + " is an extension; add " + quoted(name) + " to the require at the top of the script");
  }

  void block(const std::vector<Statement>& statements, std::vector<Node>& out) {
    Op before = Op::kStop;
    for (const Statement& s : statements) {
      if (out_.faults.size() == kMaxFaults) return;
      if (s.name == "require") {
        require(s);
        before = Op::kRequire;
        continue;
      }
      may_require_ = false;
      Node node = command(s);
      if ((node.op == Op::kElsif || node.op == Op::kElse) && before != Op::kIf && before != Op::kElsif)
        fault(s.at, quoted(s.name) + " stands behind the block of an if or elsif");
      before = node.op;
      out.push_back(std::move(node));
    }
  }

  void require(const Statement& s) {
    const bool good =
        s.arguments.size() == 1 && fits(s.arguments[0], Type::kStrings) && s.tests.empty() && !s.has_block;
    if (!good) return fault(s.at, "require is followed by a list of texts: require [\"fileinto\", \"copy\"];");
    if (!may_require_) return fault(s.at, "require stands at the top of a script, before other commands");  // §3.2
    for (const Argument::Item& item : s.arguments[0].strings) {
      const ExtensionRow* row = find_extension(item.text);
      if (row)
        enabled_.insert(row->name);
      else
        fault(item.at, "there is no extension " + quoted(item.text) + " here; remove it, or ask with \"ihave\"");
    }
  }

  Node command(const Statement& s) {
    Node node;
    node.line = s.at.line;
    const CommandRow* row = find_command(s.name, false);
    if (!row) {
      const bool is_test = find_command(s.name, true);
      const std::string what = is_test ? quoted(s.name) + " is a test; write: if " + s.name + " ... { ... }"
                                       : "there is no command " + quoted(s.name) + "; is it spelled right?";
      is_test ? fault(s.at, what) : unusable(node, s.at, what);
      return node;
    }
    node.op = row->op;
    if (!enabled(row->extension)) {
      missing(node, s.at, row->extension, s.name);
      return node;
    }
    if (row->op == Op::kGlobal && !enabled("variables"))  // RFC 6609 §3.4.1
      fault(s.at, "\"global\" is about variables; add \"variables\" to the require at the top of the script");
    tests(s, *row, node);
    arguments(s, *row, node);
    if (node.op == Op::kFailure) return node;
    if (s.has_block != row->block)
      fault(s.at, row->block ? quoted(s.name) + " is followed by a block in { }"
                             : quoted(s.name) + " takes no block; end it with a semicolon");
    const std::string loop = name_of_loop(node);
    if (row->op == Op::kForEveryPart) loops_.push_back(loop);
    block(s.block, node.block);
    if (row->op == Op::kForEveryPart) loops_.pop_back();
    // RFC 5703 §3, §7
    if ((row->op == Op::kBreak || row->op == Op::kExtractText) && loops_.empty())
      fault(s.at, quoted(s.name) + " belongs in the block of a foreverypart");
    else if (row->op == Op::kBreak && !loop.empty() && std::find(loops_.begin(), loops_.end(), loop) == loops_.end())
      fault(s.at, "there is no loop " + quoted(loop) + " around this break");
    return node;
  }

  static std::string name_of_loop(const Node& node) {
    const Operand* name = node.find(Slot::kName);
    return name && !name->strings.empty() ? name->strings[0].text : std::string();
  }

  Node test(const Statement& s) {
    Node node;
    node.line = s.at.line;
    const CommandRow* row = find_command(s.name, true);
    if (!row) {
      unusable(node, s.at, "there is no test " + quoted(s.name) + "; is it spelled right?");
      return node;
    }
    node.op = row->op;
    if (!enabled(row->extension)) {
      missing(node, s.at, row->extension, s.name);
      return node;
    }
    tests(s, *row, node);
    arguments(s, *row, node);
    if (node.op == Op::kIhave) ihave(node);
    return node;
  }

  // RFC 5463 §4: what a script asks for with ihave may be used behind it.
  void ihave(const Node& node) {
    const Operand* names = node.find(Slot::kCapabilities);
    std::vector<const ExtensionRow*> rows;
    for (const Text& item : names ? names->strings : std::vector<Text>()) {
      const ExtensionRow* row = find_extension(item.text);
      if (!row || (!row->in_ihave && !enabled(row->name))) return;
      rows.push_back(row);
    }
    for (const ExtensionRow* row : rows) enabled_.insert(row->name);
  }

  void tests(const Statement& s, const CommandRow& row, Node& node) {
    switch (row.tests) {
      case Children::kNone:
        if (!s.tests.empty()) fault(s.tests[0].at, quoted(s.name) + " takes no test");
        return;
      case Children::kOne:
        if (s.tests.size() != 1 || s.test_list) return fault(s.at, quoted(s.name) + " is followed by one test");
        break;
      case Children::kList:
        if (!s.test_list) return fault(s.at, quoted(s.name) + " is followed by tests in ( ), with commas between them");
    }
    for (const Statement& one : s.tests) node.tests.push_back(test(one));
  }

  void arguments(const Statement& s, const CommandRow& row, Node& node) {
    if (node.op == Op::kFailure) return;
    places_.assign(static_cast<size_t>(Slot::kCount_), s.at);
    size_t at = 0;
    while (at < s.arguments.size() && s.arguments[at].kind == Argument::kTag) {
      if (!tag(s, row, node, at)) return;
    }
    if (!positional(s, row, node, at)) return;
    check_arguments({s, node, [this](Slot slot) { return places_[static_cast<size_t>(slot)]; },
                     [this](std::string_view name) { return enabled(name); },
                     [this](Place p, std::string what) { fault(p, std::move(what)); },
                     [this](Place p, std::string what) { warn(p, std::move(what)); }});
  }

  // Takes the tag at `at` and its argument. False: no sense in looking further.
  bool tag(const Statement& s, const CommandRow& row, Node& node, size_t& at) {
    const Argument& argument = s.arguments[at++];
    const TagRow* known = find_tag(argument.tag, row);
    if (!known) {
      unusable(node, argument.at, quoted(s.name) + " has no tag :" + argument.tag);
      return false;
    }
    // RFC 5293 §5: deleteheader has an :index of its own.
    const bool own = row.op == Op::kDeleteHeader && known->extension == "index";
    if (!own && !enabled(known->extension)) {
      missing(node, argument.at, known->extension, ":" + argument.tag);
      return false;
    }
    if (node.has(known->slot)) {
      fault(argument.at,
            ":" + argument.tag + " cannot be here; " + quoted(s.name) + " has this or a like tag before it");
      return false;
    }
    Operand operand{known->slot, known->choice, 0, {}};
    places_[static_cast<size_t>(known->slot)] = argument.at;
    if (known->type != Type::kNone) {
      if (at == s.arguments.size() || !fits(s.arguments[at], known->type)) {
        fault(argument.at, "behind :" + argument.tag + " stands " + std::string(type_name(known->type)));
        return false;
      }
      take(s.arguments[at++], operand);
    }
    node.operands.push_back(std::move(operand));
    return true;
  }

  bool positional(const Statement& s, const CommandRow& row, Node& node, size_t at) {
    size_t wanted = 0;
    for (const Positional& p : row.positional) wanted += p.type != Type::kNone;
    const size_t given = s.arguments.size() - at;
    for (const Positional& p : row.positional) {
      if (p.type == Type::kNone) break;
      if (p.optional && given < wanted) continue;
      if (at == s.arguments.size()) {
        fault(s.at, quoted(s.name) + " wants more arguments: here " + std::string(type_name(p.type)));
        return false;
      }
      const Argument& argument = s.arguments[at++];
      if (argument.kind == Argument::kTag) {
        fault(argument.at, ":" + argument.tag + " has to stand before the other arguments of " + quoted(s.name));
        return false;
      }
      if (!fits(argument, p.type)) {
        fault(argument.at, quoted(s.name) + " wants " + std::string(type_name(p.type)) + " here");
        return false;
      }
      Operand operand{p.slot, 0, 0, {}};
      places_[static_cast<size_t>(p.slot)] = argument.at;
      take(argument, operand);
      node.operands.push_back(std::move(operand));
    }
    if (at < s.arguments.size()) {
      fault(s.arguments[at].at, quoted(s.name) + " takes no more arguments; is a semicolon missing before this?");
      return false;
    }
    return true;
  }

  void take(const Argument& argument, Operand& operand) {
    operand.number = argument.number;
    for (const Argument::Item& item : argument.strings) operand.strings.push_back(text_of(item));
  }

  Text text_of(const Argument::Item& item) {
    Text out{item.text, false};
    if (enabled("encoded-character")) {
      auto decoded = decode_characters(item.text);
      if (decoded)
        out.text = std::move(*decoded);
      else
        fault(item.at, "this text has a ${unicode:...} that is no character");
    }
    if (!enabled("variables")) return out;
    for (auto r = next_reference(out.text, 0); r; r = next_reference(out.text, r->end)) {
      out.expand = true;
      // RFC 5229 §3: a namespace that no extension defines is an error.
      if (!r->space.empty() && !(r->space == "global" && enabled("include")))
        fault(item.at,
              "there are no variables in " + quoted(r->space + ".") +
                  (r->space == "global" ? "; add \"include\" to the require" : "; remove the part with the dot"));
    }
    return out;
  }

  Compiled out_;
  std::set<std::string_view> enabled_;
  bool may_require_ = true;
  std::vector<std::string> loops_;  // names of the loops around the statement at hand; "": without
  std::vector<Place> places_;       // of the arguments of the statement at hand, by slot
};

}  // namespace

Compiled compile(std::string_view script) { return Compiler().compile(script); }

std::string Fault::text() const {
  return "line " + std::to_string(line) + (column ? ", column " + std::to_string(column) : "") + ": " + message;
}

const std::vector<std::string_view>& extensions() {
  static const std::vector<std::string_view> kAllNames = [] {
    std::vector<std::string_view> names;
    for (const ExtensionRow& row : extension_rows()) names.push_back(row.name);
    return names;
  }();
  return kAllNames;
}

}  // namespace pabal::sieve
