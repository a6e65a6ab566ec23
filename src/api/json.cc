#include "api/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>

namespace pabal::api {
namespace {

// Counts values before anything is made of them.
struct Counter {
  static constexpr size_t max_object_size = -1, max_array_size = -1, max_key_size = -1, max_string_size = -1;
  size_t values = 0;
  using Code = boost::json::error_code;
  bool count(Code& failed) {
    if (++values <= kMaxJsonValues) return true;
    failed = boost::json::error::array_too_large;
    return false;
  }
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code& e) { return count(e); }
  bool on_object_end(size_t, Code&) { return true; }
  bool on_array_begin(Code& e) { return count(e); }
  bool on_array_end(size_t, Code&) { return true; }
  bool on_key_part(std::string_view, size_t, Code&) { return true; }
  bool on_key(std::string_view, size_t, Code& e) { return count(e); }
  bool on_string_part(std::string_view, size_t, Code&) { return true; }
  bool on_string(std::string_view, size_t, Code& e) { return count(e); }
  bool on_number_part(std::string_view, Code&) { return true; }
  bool on_int64(int64_t, std::string_view, Code& e) { return count(e); }
  bool on_uint64(uint64_t, std::string_view, Code& e) { return count(e); }
  bool on_double(double, std::string_view, Code& e) { return count(e); }
  bool on_bool(bool, Code& e) { return count(e); }
  bool on_null(Code& e) { return count(e); }
  bool on_comment_part(std::string_view, Code&) { return true; }
  bool on_comment(std::string_view, Code&) { return true; }
};

Error broken(const boost::json::error_code& why, size_t at) {
  if (why == boost::json::error::too_deep) return {Code::kLimit, "the JSON is nested too deeply"};
  if (why == boost::json::error::array_too_large) return {Code::kLimit, "the JSON has too many values"};
  return {Code::kInvalid, "not valid JSON near octet " + std::to_string(at) + ": " + why.message()};
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::error_code failed;
  json::basic_parser<Counter> counter(options);
  const size_t counted = counter.write_some(false, text.data(), text.size(), failed);
  if (failed) return broken(failed, counted);
  json::parser parser({}, options);
  const size_t taken = parser.write(text, failed);
  if (failed) return broken(failed, taken);
  return parser.release();
}

std::string to_text(const json::value& value) { return json::serialize(value); }

const json::value* member(const json::value& of, std::string_view name) {
  const json::object* object = of.if_object();
  return object ? object->if_contains(name) : nullptr;
}
const json::string* string_member(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  return found ? found->if_string() : nullptr;
}
const json::array* array_member(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  return found ? found->if_array() : nullptr;
}
const json::object* object_member(const json::value& of, std::string_view name) {
  const json::value* found = member(of, name);
  return found ? found->if_object() : nullptr;
}

}  // namespace pabal::api
