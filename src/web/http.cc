#include "web/http.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace pabal::web {

void Fields::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Fields::set_default(std::string_view name, std::string_view value) {
  if (!get(name)) add(std::string(name), std::string(value));
}

void Fields::append(std::string_view name, std::string_view value) {
  if (has_token(name, value)) return;
  for (Field& field : list_)
    if (text::iequals(field.name, name)) return void((field.value += ", ") += value);
  add(std::string(name), std::string(value));
}

void Fields::remove(std::string_view name) {
  std::erase_if(list_, [&](const Field& field) { return text::iequals(field.name, name); });
}

const std::string* Fields::get(std::string_view name) const {
  for (const Field& field : list_)
    if (text::iequals(field.name, name)) return &field.value;
  return nullptr;
}

std::string Fields::joined(std::string_view name) const {
  std::string out;
  for (const Field& field : list_)
    if (text::iequals(field.name, name)) (out += out.empty() ? "" : ", ") += field.value;
  return out;
}

size_t Fields::count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(list_.begin(), list_.end(), [&](const Field& field) { return text::iequals(field.name, name); }));
}

bool Fields::has_token(std::string_view name, std::string_view token) const {
  const std::string all = joined(name);
  for (const std::string_view part : text::split(all, ','))
    if (text::iequals(text::trim(part.substr(0, part.find(';'))), token)) return true;
  return false;
}

const std::string* Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

std::string_view reason(int status) {
  constexpr std::pair<int, std::string_view> kReasons[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  for (const auto& [code, words] : kReasons)
    if (code == status) return words;
  return "";
}

std::string json_string(std::string_view utf8) {
  std::string out = "\"";
  for (const char c : utf8) {
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (static_cast<unsigned char>(c) < ' ') {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out += '"';
}

Response with_body(std::string content_type, std::string body, int status) {
  Response out;
  out.status = status;
  out.headers.add("Content-Type", std::move(content_type));
  out.body = std::move(body);
  return out;
}

Response problem(int status, std::string_view detail) {
  // RFC 9457 §4.2.1: without a type the title is the status's own.
  std::string body = "{\"status\":" + std::to_string(status) + ",\"title\":" + json_string(reason(status));
  if (!detail.empty()) body += ",\"detail\":" + json_string(detail);
  return with_body("application/problem+json", body + "}\n", status);
}

Response with_etag(Response response) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(response.body.data(), response.body.size(), hash, &size, EVP_sha256(), nullptr) == 1)
    response.headers.set("ETag", "\"" + text::base64url({reinterpret_cast<char*>(hash), 16}) + "\"");
  return response;
}

std::string http_date(Time t) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Duration> clock(t - day);
  char text[40];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[std::chrono::weekday(day).c_encoding()],
                unsigned(date.day()), kMonths[unsigned(date.month()) - 1], int(date.year()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()));
  return text;
}

}  // namespace pabal::web
