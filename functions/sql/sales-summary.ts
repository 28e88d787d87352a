/**
 * Orders per day and category. Cancelled orders do not count. Money is added up as decimals: the sum of a
 * floating-point column depends on the order of its rows.
 */
export const summarySql = {
  duckdb: `
    SELECT CAST(ordered_at AS DATE) AS day,
           category,
           count(*) AS orders,
           CAST(sum(quantity) AS BIGINT) AS units,
           CAST(sum(quantity * CAST(unit_price AS DECIMAL(12, 2))) AS DECIMAL(18, 2)) AS revenue
    FROM sales
    WHERE status <> 'cancelled'
    GROUP BY ALL
    ORDER BY day, category`,
  bigquery: `
    SELECT DATE(ordered_at) AS day,
           category,
           count(*) AS orders,
           sum(quantity) AS units,
           round(sum(quantity * CAST(unit_price AS NUMERIC)), 2) AS revenue
    FROM sales
    WHERE status <> 'cancelled'
    GROUP BY day, category
    ORDER BY day, category`,
};
