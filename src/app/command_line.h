// The words of a command line: commands in commands, options, help. CLI11 does it; it stands behind this door, as a
// file that sees its templates takes fifteen seconds to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace pabal::app {

// An option or a flag while it is described; a view. What it is read into outlives the parse.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option& required();
  Option& type_name(const std::string& name);  // what help shows for its value; "": nothing
  Option& range(int64_t low, int64_t high);
  Option& one_of(const std::vector<std::string>& values);
  // "" when the value is good, else what is wrong with it.
  Option& check(std::function<std::string(const std::string&)> complaint);
  Option& excludes(const Option& other);
  Option& once_each();  // of a list: each use takes one value
  Option& show_default();

 private:
  CLI::Option* option_;
};

// One command; a view into the Parser it came from.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}
  Command add(const std::string& name, const std::string& about) const;
  void need_subcommand() const;  // exactly one
  void alias(const std::string& name) const;
  void footer(const std::string& text) const;  // below its help
  void act(std::function<void()> act) const;   // after parsing

  Option option(const std::string& name, std::string& into, const std::string& about) const;
  Option option(const std::string& name, std::vector<std::string>& into, const std::string& about) const;
  Option option(const std::string& name, size_t& into, const std::string& about) const;
  Option option(const std::string& name, int64_t& into, const std::string& about) const;
  Option flag(const std::string& name, bool& into, const std::string& about) const;

 private:
  CLI::App* app_;
};

class Parser {
 public:
  Parser(const std::string& about, const std::string& name);
  ~Parser();
  Command top() const;
  void version(const std::string& text);  // for --version

  struct Told {
    int exit = 0;          // 0: parsed, or help was asked for; 2: the words are off
    std::string out, err;  // help; what is wrong, and where to read on
  };
  // Runs the acts of the commands named.
  Told parse(const std::vector<std::string>& words);
  std::string help() const;

 private:
  const std::unique_ptr<CLI::App> app_;
};

}  // namespace pabal::app
