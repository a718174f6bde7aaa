/* Reads members of messages by name and writes numbers; much less than a parser, and enough. */
#include <string.h>

#include "load-client.h"

bool text_is(struct text text, const char *expected) {
  size_t length = strlen(expected);
  return text.at && (size_t)(text.end - text.at) == length && memcmp(text.at, expected, length) == 0;
}

const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
  return at;
}

/* Past the string that begins at `at`, or NULL. */
static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\') at++;
  return at < end ? at + 1 : NULL;
}

/* Past the value that begins at `at`, or NULL. */
static const char *skip_value(const char *at, const char *end) {
  int depth = 0;
  do {
    if (at >= end) return NULL;
    if (*at == '"') {
      at = skip_string(at, end);
      if (!at) return NULL;
      continue;
    }
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    at++;
  } while (depth > 0 || (at < end && !strchr(",]} \t\r\n", *at)));
  return depth == 0 ? at : NULL;
}

struct text member_of(struct text object, const char *name) {
  const struct text none = {0};
  if (!object.at) return none;
  const char *end = object.end, *at = skip_blanks(object.at, end);
  if (at >= end || *at != '{') return none;
  for (at = skip_blanks(at + 1, end); at && at < end && *at == '"';) {
    struct text key = {at + 1, skip_string(at, end)};
    if (!key.end) return none;
    at = skip_blanks(key.end--, end);
    if (at >= end || *at != ':') return none;
    struct text value = {skip_blanks(at + 1, end), NULL};
    value.end = skip_value(value.at, end);
    if (!value.end) return none;
    if (text_is(key, name)) return value;
    at = skip_blanks(value.end, end);
    at = at < end && *at == ',' ? skip_blanks(at + 1, end) : NULL;
  }
  return none;
}

struct text next_element(struct text *cursor) {
  const struct text none = {0};
  if (!cursor->at) return none;
  const char *at = skip_blanks(cursor->at, cursor->end);
  if (at >= cursor->end || (*at != '[' && *at != ',')) return none;
  at = skip_blanks(at + 1, cursor->end);
  if (at >= cursor->end || *at == ']') return none;
  struct text element = {at, skip_value(at, cursor->end)};
  if (!element.end) return none;
  cursor->at = element.end;
  return element;
}

struct text string_of(struct text value) {
  const struct text none = {0};
  if (!value.at || value.end - value.at < 2 || *value.at != '"') return none;
  if (memchr(value.at, '\\', (size_t)(value.end - value.at))) return none;
  return (struct text){value.at + 1, value.end - 1};
}

uint64_t whole_number_of(struct text value) {
  uint64_t number = 0;
  for (const char *at = value.at; at && at < value.end; at++) {
    if (*at < '0' || *at > '9') return UINT64_MAX;
    number = number * 10 + (uint64_t)(*at - '0');
  }
  return value.at ? number : UINT64_MAX;
}

char *put_text(char *to, const char *text, size_t length) {
  memcpy(to, text, length);
  return to + length;
}

char *put_number(char *to, uint64_t number) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
  } while ((number /= 10) > 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}
