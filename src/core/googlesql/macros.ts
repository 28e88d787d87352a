/**
 * Temporary macros of DuckDB that do what functions and operators of GoogleSQL do. Their names begin with `googlesql_`,
 * so that they hide nothing from other SQL. A macro may use others.
 */
export const macroText = String.raw`
-- Numbers
googlesql_divide(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a / b END;
googlesql_checked(r, operands) AS CASE WHEN isfinite(r) OR r IS NULL OR NOT
  list_bool_and(list_transform(operands, lambda o: isfinite(o))) THEN r ELSE error('floating-point overflow')
  END;
googlesql_mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;
googlesql_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a // b END;
googlesql_numeric(x) AS CAST(x AS DECIMAL(38, 9));
googlesql_numeric_units(x) AS CAST(CAST(x AS DECIMAL(38, 9)) * 1000000000::DECIMAL(10, 0) AS HUGEINT);
googlesql_units_to_numeric(u) AS CAST(CAST(CASE WHEN u < 0 THEN '-' ELSE '' END || CAST(abs(u) //
  1000000000::HUGEINT AS VARCHAR) || '.' || lpad(CAST(abs(u) % 1000000000::HUGEINT AS VARCHAR), 9, '0') AS
  VARCHAR) AS DECIMAL(38, 9));
googlesql_quotient_units(n, d) AS (n // d) + CASE WHEN 2::HUGEINT * abs(n % d) >= abs(d) THEN CASE WHEN (n < 0)
  = (d < 0) THEN 1::HUGEINT ELSE -1::HUGEINT END ELSE 0::HUGEINT END;
googlesql_numeric_divide(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE
  googlesql_units_to_numeric(googlesql_quotient_units(googlesql_numeric_units(a) * 1000000000::HUGEINT,
  googlesql_numeric_units(b))) END;
googlesql_numeric_average(s, n) AS CASE WHEN n > 0 THEN
  googlesql_units_to_numeric(googlesql_quotient_units(googlesql_numeric_units(s), CAST(n AS HUGEINT))) END;
googlesql_numeric_to_float(x) AS CAST(CAST(x AS VARCHAR) AS DOUBLE);
googlesql_float_to_numeric(x) AS CASE WHEN isfinite(x) IS FALSE THEN error('NaN and infinity are no NUMERIC')
  WHEN abs(x) < 1e15 THEN CAST(CAST(printf('%.22f', x) AS DECIMAL(38, 22)) AS DECIMAL(38, 9)) ELSE
  CAST(printf('%.9f', x) AS DECIMAL(38, 9)) END;
googlesql_round(x, n) AS CASE WHEN abs(x) < 1e15 THEN CAST(CAST(round(CAST(printf('%.22f', x) AS DECIMAL(38,
  22)), n) AS VARCHAR) AS DOUBLE) ELSE round(x, n) END;
googlesql_greatest_float(l) AS CASE WHEN len(list_filter(l, lambda x: x IS NULL)) > 0 THEN NULL ELSE list_max(l)
  END;
googlesql_least_float(l) AS CASE WHEN len(list_filter(l, lambda x: x IS NULL)) > 0 THEN NULL WHEN
  len(list_filter(l, lambda x: isnan(x))) > 0 THEN 'NaN'::DOUBLE ELSE list_min(l) END;
googlesql_less(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN false
  END ELSE a < b END;
googlesql_at_most(a, b) AS CASE WHEN isnan(a) OR isnan(b) THEN CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN
  false END ELSE a <= b END;
googlesql_equal(a, b) AS (a = b AND (b IS NULL OR NOT isnan(a)));
googlesql_sqrt(x) AS CASE WHEN x < 0 THEN error('the argument of SQRT is negative') ELSE sqrt(x) END;
googlesql_ln(x) AS CASE WHEN x <= 0 THEN error('the argument of a logarithm is not positive') ELSE ln(x) END;
googlesql_log10(x) AS CASE WHEN x <= 0 THEN error('the argument of a logarithm is not positive') ELSE log10(x)
  END;
googlesql_log(x, b) AS CASE WHEN x <= 0 OR b <= 0 OR b = 1 THEN error('LOG is not defined for these arguments')
  ELSE ln(x) / ln(b) END;
googlesql_sum_float(kahan, plain) AS CASE WHEN isfinite(kahan) THEN kahan ELSE plain END;
googlesql_power(a, b) AS CASE WHEN isfinite(a) AND isfinite(b) AND NOT isfinite(pow(a, b)) THEN
  error('POW is out of range') ELSE pow(a, b) END;
googlesql_exp(x) AS CASE WHEN isfinite(x) AND NOT isfinite(exp(x)) THEN error('EXP is out of range') ELSE exp(x)
  END;
googlesql_safe_divide(a, b) AS CASE WHEN b <> 0 AND NOT (isinf(a / b) AND isfinite(a)) THEN a / b END;
googlesql_range_bucket(x, l) AS CASE WHEN x IS NOT NULL AND l IS NOT NULL THEN CAST(len(list_filter(l, lambda b:
  b <= x)) AS BIGINT) END;
googlesql_truncate(x, n) AS CASE WHEN abs(x) < 1e15 THEN CAST(regexp_extract(printf('%.22f', x),
  '^-?[0-9]+[.][0-9]{' || n || '}') AS DOUBLE) ELSE x END;
googlesql_not_infinite(x) AS CASE WHEN isinf(x) THEN error('the result is out of range') ELSE x END;
googlesql_shift_left(x, n) AS CASE WHEN n < 0 THEN error('a shift by a negative number') WHEN n = 0 THEN x WHEN
  n >= 64 THEN x - x WHEN n > 0 THEN googlesql_signed(CAST(x & (9223372036854775807 >> (n - 1)) AS HUGEINT) *
  CAST(pow(2, n) AS HUGEINT)) END;
googlesql_signed(x) AS CAST(CASE WHEN x >= 9223372036854775808::HUGEINT THEN x - 18446744073709551616::HUGEINT
  ELSE x END AS BIGINT);
googlesql_shift_right(x, n) AS CASE WHEN n < 0 THEN error('a shift by a negative number') WHEN n = 0 THEN x WHEN
  n >= 64 THEN x & 0 WHEN n > 0 THEN (x >> n) & (9223372036854775807 >> (n - 1)) END;
-- Casts
googlesql_float_to_text(x) AS CASE WHEN isnan(x) THEN 'nan' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE
  '-inf' END WHEN CAST(printf('%.15g', x) AS DOUBLE) = x THEN CASE WHEN x = 0 THEN '0' ELSE printf('%.15g', x)
  END ELSE printf('%.17g', x) END;
googlesql_numeric_to_text(x) AS regexp_replace(CAST(CAST(x AS DECIMAL(38, 9)) AS VARCHAR), '\.?0+$', '');
googlesql_int64(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x,
  '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN CAST(trim(x, googlesql_white_space()) AS BIGINT) ELSE
  error('Bad INT64 value: ' || x) END;
googlesql_safe_int64(x) AS CASE WHEN regexp_full_match(x, '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN
  TRY_CAST(trim(x, googlesql_white_space()) AS BIGINT) END;
googlesql_float64(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x,
  '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*|(?i)\s*([+-]?(inf|infinity)|nan)\s*') THEN
  CAST(trim(x, googlesql_white_space()) AS DOUBLE) ELSE error('Bad FLOAT64 value: ' || x) END;
googlesql_safe_float64(x) AS CASE WHEN regexp_full_match(x,
  '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*|(?i)\s*([+-]?(inf|infinity)|nan)\s*') THEN
  TRY_CAST(trim(x, googlesql_white_space()) AS DOUBLE) END;
googlesql_text_to_numeric(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x,
  '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)\s*') THEN CAST(trim(x, googlesql_white_space()) AS DECIMAL(38, 9)) ELSE
  error('Bad NUMERIC value: ' || x) END;
googlesql_safe_text_to_numeric(x) AS CASE WHEN regexp_full_match(x, '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)\s*')
  THEN TRY_CAST(trim(x, googlesql_white_space()) AS DECIMAL(38, 9)) END;
googlesql_bool(x) AS CASE WHEN x IS NULL THEN NULL WHEN lower(x) = 'true' THEN true WHEN lower(x) = 'false' THEN
  false ELSE error('Bad BOOL value: ' || x) END;
googlesql_safe_bool(x) AS CASE lower(x) WHEN 'true' THEN true WHEN 'false' THEN false END;
googlesql_is_date(x) AS regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') AND x[1:4] <> '0000';
googlesql_is_datetime(x) AS regexp_full_match(x,
  '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ Tt]([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{0,6})?)?') AND x[1:4]
  <> '0000';
googlesql_date(x) AS CASE WHEN x IS NULL THEN NULL WHEN googlesql_is_date(x) THEN CAST(x AS DATE) ELSE
  error('Invalid date: ' || x) END;
googlesql_safe_date(x) AS CASE WHEN googlesql_is_date(x) THEN TRY_CAST(x AS DATE) END;
googlesql_datetime(x) AS CASE WHEN x IS NULL THEN NULL WHEN googlesql_is_datetime(x) THEN CAST(x AS TIMESTAMP)
  ELSE error('Invalid datetime: ' || x) END;
googlesql_safe_datetime(x) AS CASE WHEN googlesql_is_datetime(x) THEN TRY_CAST(x AS TIMESTAMP) END;
googlesql_is_timestamp(x) AS googlesql_is_date(x) OR (
  regexp_full_match(x, '[^Tt ]+[ Tt][0-9:.]+([zZ]| ?UTC| ?[+-](0[0-9]|1[0-4])(:[0-5][0-9])?)?')
  AND googlesql_is_datetime(regexp_extract(x, '^[^Tt ]+[ Tt][0-9:.]+')));
googlesql_timestamp(x) AS CASE WHEN x IS NULL THEN NULL WHEN googlesql_is_timestamp(x) THEN CAST(x AS
  TIMESTAMPTZ) ELSE error('Invalid or unsupported timestamp: ' || x) END;
googlesql_safe_timestamp(x) AS CASE WHEN googlesql_is_timestamp(x) THEN TRY_CAST(x AS TIMESTAMPTZ)
  WHEN regexp_matches(x, '^[0-9]+-[0-9]+-[0-9]+[ Tt][0-9:.]+ ?[+A-Za-z-]') THEN
  error('the time zone in a text is not supported: ' || x) END;
googlesql_float_to_literal(x) AS CASE WHEN x = 0 THEN printf('%.1f', x)
  ELSE regexp_replace(googlesql_float_to_text(x), '^(-?[0-9]+)$', '\1.0') END;
googlesql_time(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x,
  '([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{0,6})?') THEN CAST(x AS TIME) ELSE error('Invalid time: '
  || x) END;
googlesql_safe_time(x) AS CASE WHEN regexp_full_match(x,
  '([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{0,6})?') THEN TRY_CAST(x AS TIME) END;
-- Texts
googlesql_white_space() AS ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(133) || chr(160) ||
  chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198) ||
  chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239) || chr(8287) ||
  chr(12288);
googlesql_upper(s) AS CASE WHEN regexp_matches(s, '[ŉǰΐΰևẖ-ẚἀ-ῼﬀ-ﬗ]') THEN
  error('UPPER of this letter is not supported') ELSE upper(replace(s, 'ß', 'SS')) END;
googlesql_lower(s) AS CASE WHEN regexp_matches(s, '[İΣ]') THEN error('LOWER of this letter is not supported')
  ELSE lower(s) END;
googlesql_characters(s) AS regexp_extract_all(s, '(?s).');
googlesql_reverse(s) AS array_to_string(list_reverse(googlesql_characters(s)), '');
googlesql_substr(s, p) AS substr(s, CASE WHEN p = 0 OR p < -length(s) THEN 1 ELSE p END);
googlesql_substr_length(s, p, n) AS CASE WHEN n < 0 THEN error('the length of SUBSTR is negative') ELSE
  substr(s, CASE WHEN p = 0 OR p < -length(s) THEN 1 ELSE p END, least(n, 4294967295)) END;
googlesql_left(s, n) AS CASE WHEN n < 0 THEN error('the length of LEFT is negative') ELSE left(s, n) END;
googlesql_right(s, n) AS CASE WHEN n < 0 THEN error('the length of RIGHT is negative') ELSE right(s, n) END;
googlesql_repeat(s, n) AS CASE WHEN n < 0 THEN error('the count of REPEAT is negative') ELSE repeat(s, n) END;
googlesql_replace(s, a, b) AS CASE WHEN a = '' THEN CASE WHEN b IS NOT NULL THEN s END ELSE replace(s, a, b) END;
googlesql_lpad(s, n, p) AS CASE WHEN n < 0 OR p = '' THEN error('LPAD needs a length and a text to fill with')
  ELSE lpad(s, CAST(n AS INTEGER), p) END;
googlesql_rpad(s, n, p) AS CASE WHEN n < 0 OR p = '' THEN error('RPAD needs a length and a text to fill with')
  ELSE rpad(s, CAST(n AS INTEGER), p) END;
googlesql_initcap(s) AS array_to_string(list_transform(regexp_extract_all(googlesql_lower(s),
  '[^\s\[\](){}/|\\<>!?@"^#$&~_,.:;*%+-]+|[\s\[\](){}/|\\<>!?@"^#$&~_,.:;*%+-]+'), lambda p:
  googlesql_upper(p[1]) || p[2:]), '');
googlesql_contains_substr(x, s) AS CASE WHEN regexp_matches(x || s, '[^\x00-\x7f]') THEN
  error('CONTAINS_SUBSTR is supported for ASCII only') ELSE contains(lower(x), lower(s)) END;
googlesql_edit_distance(a, b) AS CASE WHEN regexp_matches(a || b, '[^\x00-\x7f]') THEN
  error('EDIT_DISTANCE is supported for ASCII only') ELSE levenshtein(a, b) END;
googlesql_ascii(s) AS CASE WHEN s = '' THEN 0 WHEN ascii(s) > 127 THEN error('ASCII of another character') ELSE
  ascii(s) END;
googlesql_unicode(s) AS CASE WHEN s = '' THEN 0 ELSE unicode(s) END;
googlesql_chr(n) AS CASE WHEN n < 1 OR n > 1114111 OR n BETWEEN 55296 AND 57343 THEN
  error('CHR of no code point') ELSE chr(CAST(n AS INTEGER)) END;
googlesql_from_hex(s) AS unhex(CASE WHEN length(s) % 2 = 1 THEN '0' || s ELSE s END);
googlesql_code_points(s) AS list_transform(googlesql_characters(s), lambda c: CAST(unicode(c) AS BIGINT));
googlesql_regexp_extract_all(s, r, g) AS
  CASE WHEN regexp_full_match('', r) THEN error('the regular expression matches an empty text, which is not supported')
  ELSE regexp_extract_all(s, r, g) END;
googlesql_regexp_extract(s, r, g) AS CASE WHEN regexp_matches(s, r) THEN regexp_extract(s, r, g) END;
googlesql_regexp_extract_at(s, r, g, p) AS CASE WHEN p < 1 THEN error('the position of REGEXP_EXTRACT is not positive')
  WHEN p <= length(s) OR p = 1 THEN googlesql_regexp_extract(substr(s, p), r, g) END;
googlesql_regexp_extract_nth(s, r, g, p, n) AS CASE WHEN p < 1 OR n < 1 THEN
  error('the position or the occurrence of REGEXP_EXTRACT is not positive') WHEN p <= length(s) THEN
  googlesql_regexp_extract_all(substr(s, p), r, g)[n] END;
googlesql_instr(s, x, p) AS CASE WHEN p < 1 THEN error('INSTR before the first character is not supported')
  WHEN x = '' THEN error('INSTR of an empty text is not supported') WHEN strpos(substr(s, p), x) = 0 THEN 0
  ELSE strpos(substr(s, p), x) + p - 1 END;
googlesql_regexp_replace(s, r, t) AS regexp_replace(s, r, t, 'g');
googlesql_from_code_points(l) AS array_to_string(list_transform(l, lambda n: googlesql_chr(n)), '');
googlesql_array_to_string(l, d, n) AS array_to_string(list_transform(l, lambda item: coalesce(item, n)), d);
-- Arrays
googlesql_in_array(x, l) AS CASE WHEN l IS NULL OR len(l) = 0 THEN false WHEN x IS NULL THEN NULL WHEN
  list_contains(l, x) THEN true WHEN len(list_filter(l, lambda item: item IS NULL)) > 0 THEN NULL ELSE false END;
googlesql_item(l, i) AS CASE WHEN l IS NULL OR i IS NULL THEN NULL WHEN i < 1 OR i > len(l) THEN
  error('the array has no item at this position') ELSE l[i] END;
googlesql_item_safe(l, i) AS CASE WHEN i >= 1 THEN l[i] END;
googlesql_array_first(l) AS CASE WHEN len(l) = 0 THEN error('ARRAY_FIRST of an empty array') ELSE l[1] END;
googlesql_array_last(l) AS CASE WHEN len(l) = 0 THEN error('ARRAY_LAST of an empty array') ELSE l[len(l)] END;
googlesql_generate_array(a, b, s) AS CASE WHEN s = 0 THEN error('the step of GENERATE_ARRAY is 0') WHEN (b - a)
  // s > 16000000 THEN error('GENERATE_ARRAY makes too many items') ELSE generate_series(a, b, s) END;
googlesql_generate_dates(a, b, n) AS CASE WHEN n = 0 THEN error('the step of GENERATE_DATE_ARRAY is 0') ELSE
  list_transform(generate_series(CAST(0 AS BIGINT), CAST(b - a AS BIGINT), CAST(n AS BIGINT)), lambda d: a +
  CAST(d AS INTEGER)) END;
googlesql_generate_months(a, b, n) AS CASE WHEN n = 0 THEN error('the step of GENERATE_DATE_ARRAY is 0') WHEN
  extract(day FROM a) > 28 THEN error('GENERATE_DATE_ARRAY by months is supported up to the 28th day') ELSE
  list_filter(list_transform(generate_series(CAST(0 AS BIGINT), date_diff('month', a, b), CAST(n AS BIGINT)),
  lambda d: CAST(a + to_months(CAST(d AS INTEGER)) AS DATE)), lambda d: CASE WHEN n > 0 THEN d <= b ELSE d >= b
  END) END;
-- Dates and times
googlesql_in_dates(x) AS CASE WHEN x IS NULL OR x BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN x ELSE
  error('the date is out of range') END;
googlesql_in_datetimes(x) AS CASE WHEN x IS NULL OR (x >= TIMESTAMP '0001-01-01 00:00:00' AND x < TIMESTAMP
  '10000-01-01 00:00:00') THEN x ELSE error('the time is out of range') END;
googlesql_in_timestamps(x) AS CASE WHEN x IS NULL OR (x >= TIMESTAMPTZ '0001-01-01 00:00:00+00' AND x <
  TIMESTAMPTZ '10000-01-01 00:00:00+00') THEN x ELSE error('the time is out of range') END;
googlesql_instant(x, z) AS CASE WHEN timezone(z, timezone(z, x) - to_hours(1)) = x THEN timezone(z, x) -
  to_hours(1) ELSE timezone(z, x) END;
googlesql_truncate_in_zone(x, z, p) AS x - (timezone(z, x) - date_trunc(p, timezone(z, x)));
googlesql_offset_minutes(x, z) AS (epoch_us(timezone(z, x)) - epoch_us(timezone('UTC', x))) // 60000000;
googlesql_offset_to_text(n, s) AS CASE WHEN n < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(n) // 60 AS VARCHAR), 2,
  '0') || s || lpad(CAST(abs(n) % 60 AS VARCHAR), 2, '0');
googlesql_timestamp_to_text(x, z) AS googlesql_datetime_to_text(timezone(z, x)) ||
  regexp_replace(googlesql_offset_to_text(googlesql_offset_minutes(x, z), ':'), ':00$', '');
googlesql_generate_timestamps(a, b, n) AS CASE WHEN n = 0 THEN
  error('the step of GENERATE_TIMESTAMP_ARRAY is 0') ELSE list_transform(generate_series(epoch_us(a), epoch_us(b),
  n), lambda t: make_timestamptz(t)) END;
googlesql_floor_div(a, b) AS (a - ((a % b) + b) % b) // b;
googlesql_make_date(y, m, d) AS CASE WHEN y BETWEEN 1 AND 9999 THEN make_date(y, m, d) WHEN y IS NULL THEN NULL
  ELSE error('the year is out of range') END;
googlesql_make_time(h, m, s) AS CASE WHEN h BETWEEN 0 AND 23 AND m BETWEEN 0 AND 59 AND s BETWEEN 0 AND 59 THEN
  make_time(h, m, CAST(s AS DOUBLE)) WHEN h IS NULL OR m IS NULL OR s IS NULL THEN NULL ELSE
  error('there is no such time') END;
googlesql_week(x, f) AS CAST((extract(doy FROM x) - 1 - (extract(dow FROM x) - f + 7) % 7 + 7) // 7 AS BIGINT);
googlesql_week_start(x, f) AS date_trunc('day', x) - to_days(CAST((extract(dow FROM x) - f + 7) % 7 AS INTEGER));
googlesql_iso_year_start(x) AS date_trunc('week', make_date(CAST(extract(isoyear FROM x) AS BIGINT), 1, 4));
googlesql_weeks(b, a, f) AS date_diff('day', googlesql_week_start(a, f), googlesql_week_start(b, f)) // 7;
googlesql_datetime_to_text(x) AS strftime(x, '%Y-%m-%d %H:%M:%S') || CASE WHEN extract(microsecond FROM x) %
  1000000 = 0 THEN '' WHEN extract(microsecond FROM x) % 1000 = 0 THEN strftime(x, '.%g') ELSE strftime(x,
  '.%f') END;
googlesql_time_to_text(x) AS substr(googlesql_datetime_to_text(DATE '2000-01-01' + x), 12);
googlesql_exact_seconds(x) AS regexp_replace(strftime(x, '%S.%f'), '\.?0{1,6}$', '');
googlesql_seconds(x, n) AS substr(strftime(x, '%S.%f'), 1, 3 + n);
googlesql_parse(s, r, f) AS CASE WHEN s IS NULL THEN NULL WHEN regexp_full_match(s, r) THEN strptime(s, f) ELSE
  error('the text does not fit the format: ' || s) END;
googlesql_parse_safe(s, r, f) AS CASE WHEN regexp_full_match(s, r) THEN try_strptime(s, f) END;
-- JSON
googlesql_parse_json(x) AS CASE WHEN x IS NULL OR json_valid(x) THEN CAST(x AS JSON) ELSE
  error('the text is no JSON') END;
googlesql_json_int64(j) AS CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT') THEN CAST(j AS BIGINT) WHEN j IS NULL
  THEN NULL ELSE error('the JSON is no whole number') END;
googlesql_json_float64(j) AS CASE WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN CAST(j AS DOUBLE)
  WHEN j IS NULL THEN NULL ELSE error('the JSON is no number') END;
googlesql_json_bool(j) AS CASE WHEN json_type(j) = 'BOOLEAN' THEN CAST(j AS BOOLEAN) WHEN j IS NULL THEN NULL
  ELSE error('the JSON is no boolean') END;
googlesql_json_string(j) AS CASE WHEN json_type(j) = 'VARCHAR' THEN json_extract_string(j, '$') WHEN j IS NULL
  THEN NULL ELSE error('the JSON is no string') END;
googlesql_json_type(j) AS CASE json_type(j) WHEN 'VARCHAR' THEN 'string' WHEN 'BIGINT' THEN 'number' WHEN
  'UBIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(j)) END;
googlesql_make_datetime(y, m, d, h, i, s) AS googlesql_make_date(y, m, d) + googlesql_make_time(h, i, s);
googlesql_nullif_float(a, b) AS CASE WHEN isnan(a) THEN a ELSE NULLIF(a, b) END;
googlesql_valid_json(x) AS CASE WHEN json_valid(x) THEN x
  WHEN regexp_matches(x, '^\s*([-0-9"tfn]|$)') THEN error('the text is no JSON: ' || x) END;
googlesql_json_or_null(x) AS CASE WHEN json_valid(x) THEN x END;
googlesql_json_value_of_json(j, p) AS CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN
  json_extract_string(j, p) END;
googlesql_json_value_of_text(j, p) AS CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN CASE
  WHEN json_type(j, p) = 'DOUBLE' AND NOT regexp_matches(j, '(^|[^0-9.eE+-])' || replace(json_extract_string(j,
  p), '.', '[.]') || '([^0-9.eE+-]|$)') THEN
  error('a number in JSON is written in another form than DuckDB writes it') ELSE json_extract_string(j, p) END
  END;
googlesql_json_query(j, p) AS CASE WHEN json_type(j, p) = 'NULL' THEN NULL
  WHEN regexp_matches(CAST(json_extract(j, p) AS VARCHAR), '[0-9][.eE]') THEN
  error('JSON_QUERY of a text with fractions is not supported; write PARSE_JSON') ELSE CAST(json_extract(j, p)
  AS VARCHAR) END;
googlesql_json_value_array(j, p) AS CASE WHEN json_type(j, p) = 'ARRAY' AND len(list_filter(CAST(json_extract(j,
  p || '[*]') AS JSON[]), lambda e: json_type(e) IN ('ARRAY', 'OBJECT'))) = 0 THEN json_extract_string(j, p ||
  '[*]') END;
googlesql_json_query_array_of_text(j, p) AS CASE WHEN json_type(j, p) = 'ARRAY' THEN CAST(json_extract(j, p ||
  '[*]') AS VARCHAR[]) END;
googlesql_json_query_array_of_json(j, p) AS CASE WHEN json_type(j, p) = 'ARRAY' THEN json_extract(j, p || '[*]')
  END;
googlesql_int64_to_json(x) AS CASE WHEN abs(CAST(x AS HUGEINT)) > 9007199254740992 THEN '"' || CAST(x AS
  VARCHAR) || '"' ELSE CAST(x AS VARCHAR) END;
googlesql_float_to_json(x) AS CASE WHEN isnan(x) THEN '"NaN"' WHEN isinf(x) THEN CASE WHEN x > 0 THEN
  '"Infinity"' ELSE '"-Infinity"' END ELSE googlesql_float_to_text(x) END;
googlesql_text_to_json(x) AS CAST(to_json(x) AS VARCHAR);
googlesql_unsigned(f, x) AS CASE WHEN x < 0 THEN '-' || printf(f, - x) ELSE printf(f, x) END;
googlesql_finite_format(f, x) AS CASE WHEN isfinite(x) IS FALSE THEN
  error('FORMAT of NaN or infinity is not supported') ELSE printf(f, x) END;
googlesql_numeric_to_json(x) AS CASE WHEN x = googlesql_numeric(trunc(x)) AND abs(x) <= 9007199254740992 THEN
  googlesql_numeric_to_text(x) ELSE '"' || googlesql_numeric_to_text(x) || '"' END;
googlesql_numeric_to_json_number(x) AS CASE WHEN abs(x) >= 1000000 THEN
  error('JSON of a NUMERIC from 1000000 on is not supported; CAST it AS FLOAT64') ELSE googlesql_numeric_to_text(x)
  END;
googlesql_error(x) AS error(coalesce(x, 'ERROR function called with NULL value'));
googlesql_pad_text_right(s, n) AS CASE WHEN length(s) >= n THEN s ELSE rpad(s, CAST(n AS INTEGER), ' ') END;
googlesql_pad_text(s, n) AS CASE WHEN length(s) >= n THEN s ELSE lpad(s, CAST(n AS INTEGER), ' ') END;
`;
