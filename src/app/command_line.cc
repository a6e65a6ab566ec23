#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

namespace pabal::app {
namespace {

// "pabal account add: account is required", and where to read on.
std::string complaint(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  std::string words = app.get_name(), why = error.what();
  for (; !at->get_subcommands().empty(); words += " " + at->get_name()) at = at->get_subcommands().front();
  std::string below;
  for (const CLI::App* sub : at->get_subcommands(nullptr)) below += (below.empty() ? "" : ", ") + sub->get_name();
  if (const auto unknown = app.remaining(true); !unknown.empty() && !below.empty())
    why = fmt::format("there is no {} {}", at == &app ? "command" : "subcommand", unknown.front());
  if (!below.empty() && at != &app) why += "; it has " + below;
  return fmt::format("{}: {}\nRead on with: {} --help\n", words, why, words);
}

}  // namespace

Option& Option::required() { return option_->required(), *this; }
Option& Option::type_name(const std::string& name) { return option_->type_name(name), *this; }
Option& Option::range(int64_t low, int64_t high) {
  return option_->check(CLI::Range(low, high).description("")), *this;
}
Option& Option::one_of(const std::vector<std::string>& values) {
  return option_->check(CLI::IsMember(values).description("")), *this;
}
Option& Option::check(std::function<std::string(const std::string&)> complaint) {
  return option_->check(CLI::Validator([complaint](const std::string& value) { return complaint(value); }, "")), *this;
}
Option& Option::excludes(const Option& other) { return option_->excludes(other.option_), *this; }
Option& Option::once_each() { return option_->allow_extra_args(false), *this; }
Option& Option::show_default() { return option_->capture_default_str(), *this; }

Command Command::add(const std::string& name, const std::string& about) const {
  return Command(app_->add_subcommand(name, about));
}
void Command::need_subcommand() const { app_->require_subcommand(1); }
void Command::alias(const std::string& name) const { app_->alias(name); }
void Command::footer(const std::string& text) const { app_->footer(text); }
void Command::act(std::function<void()> act) const { app_->callback(std::move(act)); }
Option Command::option(const std::string& name, std::string& into, const std::string& about) const {
  return Option(app_->add_option(name, into, about));
}
Option Command::option(const std::string& name, std::vector<std::string>& into, const std::string& about) const {
  return Option(app_->add_option(name, into, about));
}
Option Command::option(const std::string& name, size_t& into, const std::string& about) const {
  return Option(app_->add_option(name, into, about));
}
Option Command::option(const std::string& name, int64_t& into, const std::string& about) const {
  return Option(app_->add_option(name, into, about));
}
Option Command::flag(const std::string& name, bool& into, const std::string& about) const {
  return Option(app_->add_flag(name, into, about));
}

Parser::Parser(const std::string& about, const std::string& name) : app_(std::make_unique<CLI::App>(about, name)) {
  app_->require_subcommand(1);
}
Parser::~Parser() = default;
Command Parser::top() const { return Command(app_.get()); }
void Parser::version(const std::string& text) { app_->set_version_flag("--version", text); }

Parser::Told Parser::parse(const std::vector<std::string>& words) {
  Told told;
  try {  // CLI11 speaks by exceptions; they end here
    app_->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    told.exit = app_->exit(error, out, err) == 0 ? 0 : 2;  // 0: --help
    told.out = out.str();
    if (told.exit != 0) told.err = complaint(*app_, error);
  }
  return told;
}
std::string Parser::help() const { return app_->help(); }

}  // namespace pabal::app
