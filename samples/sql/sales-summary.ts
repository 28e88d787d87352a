/**
 * Orders per day and category, in GoogleSQL for both engines. Cancelled orders do not count. Money is added up as
 * decimals, and only the sum is rounded to cents: the sum of a floating-point column depends on the order of its rows.
 */
export const summarySql = {
  googlesql: `
    SELECT DATE(ordered_at) AS day,
           category,
           COUNT(*) AS orders,
           SUM(quantity) AS units,
           ROUND(SUM(quantity * CAST(unit_price AS NUMERIC)), 2) AS revenue
    FROM sales
    WHERE status <> 'cancelled'
    GROUP BY day, category
    ORDER BY day, category`,
};
