#include "sieve/program.h"

namespace pabal::sieve {

std::string Fault::text() const {
  return "line " + std::to_string(line) + (column ? ", column " + std::to_string(column) : "") + ": " + message;
}

const std::vector<std::string_view>& extensions() {
  static const std::vector<std::string_view> kAll = {"fileinto"};
  return kAll;
}

Compiled compile(std::string_view script) {
  Compiled out;
  if (script.size() > kMaxScriptBytes) {
    out.faults.push_back({1, 0, "the script is too large; shorten it"});
    return out;
  }
  out.program = std::make_shared<Program>();
  return out;
}

std::string encode(const Program&) { return std::string(1, '\1'); }
std::shared_ptr<const Program> decode(std::string_view octets) {
  return octets == "\1" ? std::make_shared<Program>() : nullptr;
}

Result<std::shared_ptr<const Program>> Host::script(Location, std::string_view) {
  return {Code::kNotFound, "there is no such script"};
}
bool Host::mailbox_exists(std::string_view) { return false; }
bool Host::mailbox_id_exists(std::string_view) { return false; }
bool Host::special_use_exists(std::string_view, std::string_view) { return false; }
std::optional<std::string> Host::metadata(std::string_view, std::string_view) { return std::nullopt; }
bool Host::list_known(std::string_view) { return false; }
bool Host::in_list(std::string_view, std::string_view) { return false; }
bool Host::duplicate(std::string_view) { return false; }
std::optional<std::string> Host::environment(std::string_view) { return std::nullopt; }
std::optional<int> Host::spam_percent() { return std::nullopt; }
std::optional<int> Host::virus_level() { return std::nullopt; }
std::optional<std::string> Host::notify_capability(std::string_view, std::string_view) { return std::nullopt; }

Outcome run(const Program&, const Input&, Host&, const Limits&) {
  Outcome out;
  out.actions.push_back({Keep{{}, true}, nullptr, 0});
  return out;
}

std::optional<Mailto> parse_mailto(std::string_view) { return std::nullopt; }

}  // namespace pabal::sieve
